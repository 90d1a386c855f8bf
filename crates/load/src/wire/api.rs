//! The HTTP API, called as an application's back end calls it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use reqwest::{Client, Method, Response};

/// How long one answer may take, lines that are written while they are made excepted.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the HTTP API is, and who calls it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ApiTarget {
    /// Where the HTTP API listens, for modes that call it
    #[arg(long, default_value = "127.0.0.1:3001")]
    api: SocketAddr,
    /// A key of the HTTP API that may do everything
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
}

/// The back end. Its connections are kept and shared by its clones.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: Client,
    base: String,
    key: String,
}

impl Api {
    /// Makes one; nothing is connected yet.
    pub(crate) fn of(target: &ApiTarget) -> anyhow::Result<Self> {
        // reqwest is built without its own provider
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self {
            http,
            base: format!("http://{}", target.api),
            key: target.key.clone(),
        })
    }

    /// Reads what is at a path.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.ask(Method::GET, path, String::new(), Some(PATIENCE));
        Ok(answer.await?.text().await?)
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, json: String) -> anyhow::Result<String> {
        let answer = self.ask(Method::POST, path, json, Some(PATIENCE));
        Ok(answer.await?.text().await?)
    }

    /// Sends a body, and hands on the lines of the answer as they come.
    pub(crate) async fn lines(
        &self,
        (method, path): (Method, &str),
        body: String,
        mut line: impl FnMut(&str) + Send,
    ) -> anyhow::Result<()> {
        let mut answer = self.ask(method, path, body, None).await?;
        let mut rest = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            rest.extend_from_slice(&chunk);
            let Some(end) = memchr::memrchr(b'\n', &rest) else {
                continue;
            };
            let after = rest.split_off(end + 1);
            std::str::from_utf8(&rest)?.lines().for_each(&mut line);
            rest = after;
        }
        ensure!(rest.is_empty(), "{path}: the last line was cut off");
        Ok(())
    }

    /// Sends a request; an answer that is no success is an error.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: String,
        limit: Option<Duration>,
    ) -> anyhow::Result<Response> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .body(body);
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let answer = request.send().await.with_context(|| path.to_owned())?;
        let status = answer.status();
        if !status.is_success() {
            let said = answer.text().await.unwrap_or_default();
            anyhow::bail!("{path} was answered with {status}: {said}");
        }
        Ok(answer)
    }
}
