//! Requests to other services: bounded, direct, verified with the system's root certificates,
//! and those to the application signed.

use std::time::Duration;

use bson::DateTime;
use http::{HeaderMap, header};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::config::{ServiceUrl, SigningSecrets};
use crate::signature;

/// Connections to one service that stay open when idle, where few requests are in progress.
pub(crate) const IDLE_CONNECTIONS: usize = 8;

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

impl FetchError {
    /// There was no connection, and so no request.
    pub(crate) const CANNOT_CONNECT: Self = Self::NoAnswer("cannot connect");
    /// The last line is missing.
    pub(crate) const CUT_OFF: Self = Self::NoAnswer("it was cut off");
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        // its own text contains the URL
        if error.is_timeout() {
            Self::NoAnswer("timed out")
        } else if error.is_connect() {
            Self::CANNOT_CONNECT
        } else {
            Self::NoAnswer("the connection broke")
        }
    }
}

/// A client for one service, of whose connections `idle` stay open. It follows no redirect and
/// uses no proxy, so that a token is sent only where the configuration says.
pub(crate) fn client(url: &ServiceUrl, timeout: Duration, idle: usize) -> reqwest::Result<Client> {
    // reqwest is built without its own provider; another part may have installed one
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(idle)
        .user_agent(concat!("chatzz/", env!("CARGO_PKG_VERSION")));
    if url.is_encrypted() {
        builder.build()
    } else {
        // a machine without root certificates can still use plain HTTP
        builder.tls_certs_only([]).build()
    }
}

/// A POST of JSON to the application, signed as Standard Webhooks says under an id of its own.
pub(crate) fn signed(
    client: &Client,
    url: &ServiceUrl,
    secrets: &SigningSecrets,
    now: DateTime,
    body: Vec<u8>,
) -> RequestBuilder {
    let id = format!("msg_{}", uuid::Uuid::new_v4().simple());
    let seconds = now.timestamp_millis() / 1_000;
    let signature = signature::sign(secrets, &id, seconds, &body);
    client
        .post(url.url().clone())
        .header(header::CONTENT_TYPE, "application/json")
        .header(signature::ID, id)
        .header(signature::TIMESTAMP, seconds)
        .header(signature::SIGNATURE, signature)
        .body(body)
}

/// How long an answer says to wait before the next request: seconds, or until a date.
pub(crate) fn retry_after(answer: &HeaderMap, now: DateTime) -> Option<Duration> {
    let text = answer.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    let left = date.timestamp_millis() - now.timestamp_millis();
    Some(Duration::from_millis(
        u64::try_from(left).unwrap_or_default(),
    ))
}

/// Reads a JSON object; serde would also take a list of its values.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let is_object = json.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(json).ok())?
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_of_the_next_request_is_read_in_both_forms() {
        let now = DateTime::parse_rfc3339_str("2015-10-21T07:27:00Z").unwrap();
        let read = |text: &str| {
            let answer = [(header::RETRY_AFTER, text.parse().unwrap())];
            retry_after(&answer.into_iter().collect(), now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(read("120"), seconds(120));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), seconds(60));
        assert_eq!(read("Wed, 21 Oct 2015 07:26:00 GMT"), seconds(0));
        for wrong in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
