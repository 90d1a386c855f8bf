//! Calls to the HTTP APIs of the servers.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;

/// How long a call may take; longer than a server takes to say that it does not know.
const PATIENCE: Duration = Duration::from_secs(10);

/// What calls the APIs.
pub(crate) struct Api {
    /// The key that allows everything.
    key: String,
    client: reqwest::Client,
}

impl Api {
    pub(crate) fn new(key: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        // an idle connection would count among the server's descriptors
        let client = client.pool_max_idle_per_host(0);
        let client = client.timeout(PATIENCE).build().expect("a client");
        Self { key, client }
    }

    /// Posts to a server; whether that went well and the body of the answer, or none where nobody knows what became of it.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Option<(bool, Value)> {
        let mut request = self.client.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(body)).await
    }

    /// The same with a GET.
    pub(crate) async fn get(&self, url: &str) -> Option<(bool, Value)> {
        self.answer(self.client.get(url)).await
    }

    async fn answer(&self, request: RequestBuilder) -> Option<(bool, Value)> {
        let response = request.bearer_auth(&self.key).send().await.ok()?;
        let good = response.status().is_success();
        let bytes = response.bytes().await.ok()?;
        Some((good, serde_json::from_slice(&bytes).ok()?))
    }
}
