//! Requests to other services: bounded, direct, verified with the system's root certificates.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::config::ServiceUrl;

/// Connections to one service that stay open when idle.
const IDLE_CONNECTIONS: usize = 8;

/// Why a service gave no answer; contains neither a token nor a complete URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The connection failed, or the time limit was exceeded.
    #[error("no answer ({0})")]
    NoAnswer(&'static str),
    /// The status reports a failure.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// The body is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The body does not have the expected content.
    #[error("the answer cannot be used: {0}")]
    Unusable(String),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        // its own text contains the URL
        Self::NoAnswer(if error.is_timeout() {
            "timed out"
        } else if error.is_connect() {
            "cannot connect"
        } else {
            "the connection broke"
        })
    }
}

/// A client for one service. It follows no redirect and uses no proxy, so that a token is
/// sent only where the configuration says.
pub(crate) fn client(url: &ServiceUrl, timeout: Duration) -> reqwest::Result<Client> {
    // reqwest is built without its own provider; another part may have installed one
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .user_agent(concat!("chatzz/", env!("CARGO_PKG_VERSION")));
    if url.is_encrypted() {
        builder.build()
    } else {
        // a machine without root certificates can still use plain HTTP
        builder.tls_certs_only([]).build()
    }
}

/// The body, unless it is larger than `most` bytes.
pub(crate) async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(FetchError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
