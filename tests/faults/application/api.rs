//! Calls to the HTTP APIs of the servers.
//!
//! Each has a connection of its own, made by hand. An idle one would count among the server's
//! descriptors. And hyper 1.12 answers a request never that is handed over in the moment in which
//! its connection ends: about one call in forty thousand hung whose connection was reset at
//! once, as to a server that is dead.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::support::http;

/// How long a call may take; longer than a server takes to say that it does not know.
const PATIENCE: Duration = Duration::from_secs(10);

/// What calls the APIs.
pub(crate) struct Api {
    /// The key that allows everything.
    bearer: String,
}

impl Api {
    pub(crate) fn new(key: &str) -> Self {
        let bearer = format!("Bearer {key}");
        Self { bearer }
    }

    /// Posts to a server; whether that went well and the body of the answer, or none where nobody knows what became of it.
    pub(crate) async fn post(
        &self,
        addr: SocketAddr,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<(bool, Value)> {
        let length = body.len().to_string();
        let headers = [headers, &[("content-length", &*length)]].concat();
        self.call(addr, "POST", target, &headers, body).await
    }

    /// The same with a GET.
    pub(crate) async fn get(&self, addr: SocketAddr, target: &str) -> Option<(bool, Value)> {
        self.call(addr, "GET", target, &[], "").await
    }

    async fn call(
        &self,
        addr: SocketAddr,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<(bool, Value)> {
        let headers = [headers, &[("authorization", &*self.bearer)]].concat();
        let call = http::attempt(addr, method, target, &headers, body);
        let response = timeout(PATIENCE, call).await.ok()?.ok()?;
        let good = (200..300).contains(&response.status);
        Some((good, serde_json::from_str(&response.body).ok()?))
    }
}
