//! Asking the application whose a token is.
//!
//! One signed POST, bounded in time and in number; a granted login is cached for a short
//! time. An application that does not answer lets nobody in.

mod answer;
mod signature;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::{HeaderName, StatusCode};
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{AuthStartError, Credentials, Verified};
use crate::callout::{self, FetchError, IDLE_CONNECTIONS};
use crate::clock::Clock;
use crate::config::{ServiceUrl, SigningSecrets, WebhookConfig};
use crate::service::Error;

/// Most requests in progress at a time; further ones wait within the time limit.
const MAX_REQUESTS: usize = 64;
/// Most cached logins, about 1 KiB each.
const MAX_CACHED: u64 = 10_000;
/// Most bytes of an answer.
const MAX_BYTES: usize = 64 * 1024;

/// The application, as a place to ask.
#[derive(Debug)]
pub(super) struct Webhook {
    client: reqwest::Client,
    url: ServiceUrl,
    secret: SecretString,
    /// The same, for the signature of Standard Webhooks.
    secrets: SigningSecrets,
    headers: Vec<HeaderName>,
    timeout: std::time::Duration,
    granted: Cache<[u8; 32], Verified>,
    /// How often cached logins were forgotten.
    forgotten: AtomicU64,
    places: Semaphore,
    clock: Clock,
    down: AtomicBool,
}

/// The body of the request.
#[derive(Serialize)]
struct Question<'a> {
    token: &'a str,
    headers: BTreeMap<&'a str, String>,
    address: Option<IpAddr>,
}

impl Webhook {
    pub(super) fn new(config: &WebhookConfig, clock: Clock) -> Result<Self, AuthStartError> {
        let client =
            callout::client(&config.url, config.timeout, IDLE_CONNECTIONS).map_err(|_| {
                let why = "no request can be made: the system's root certificates cannot be read";
                AuthStartError::new("CHATZZ_WEBHOOK_URL", why)
            })?;
        Ok(Self {
            client,
            url: config.url.clone(),
            secrets: SigningSecrets::of_text(config.secret.expose_secret()),
            secret: config.secret.clone(),
            headers: config.headers.clone(),
            timeout: config.timeout,
            granted: Cache::builder()
                .max_capacity(MAX_CACHED)
                .time_to_live(config.cache)
                .build(),
            forgotten: AtomicU64::new(0),
            places: Semaphore::new(MAX_REQUESTS),
            clock,
            down: AtomicBool::new(false),
        })
    }

    /// Whose token it is, as the application said a moment ago or says now. The same
    /// question is asked only once at a time.
    pub(super) async fn ask(&self, credentials: &Credentials) -> Result<Verified, Error> {
        let question = self.question(credentials)?;
        let key = self.key(&question);
        let granted = self.granted.try_get_with(key, self.post(question)).await;
        let verified = granted.map_err(|error: Arc<Error>| Error::clone(&error))?;
        let now = self.clock.now();
        if verified.expires_at.is_some_and(|end| end <= now) {
            // the application may have prolonged it since
            return self.ask_anew(credentials).await;
        }
        Ok(verified)
    }

    /// Whose token it is, as the application says now.
    pub(super) async fn ask_anew(&self, credentials: &Credentials) -> Result<Verified, Error> {
        let question = self.question(credentials)?;
        let key = self.key(&question);
        let verified = self.post(question).await?;
        self.granted.insert(key, verified.clone()).await;
        Ok(verified)
    }

    /// Forgets the granted logins.
    pub(super) fn forget(&self) {
        // first: an answer to an earlier question is then cached under the earlier key
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.granted.invalidate_all();
    }

    fn question(&self, credentials: &Credentials) -> Result<Vec<u8>, Error> {
        let headers = self.headers.iter();
        let question = Question {
            token: credentials.token()?.expose_secret(),
            headers: headers
                .filter_map(|name| Some((name.as_str(), credentials.header(name)?)))
                .collect(),
            address: credentials.address,
        };
        serde_json::to_vec(&question).map_err(|_| Error::Internal)
    }

    /// A hash, so that no token stays in memory. It covers the complete question: the
    /// answer may depend on a header.
    fn key(&self, question: &[u8]) -> [u8; 32] {
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        let hash = Sha256::new_with_prefix(forgotten.to_le_bytes());
        hash.chain_update(question).finalize().into()
    }

    async fn post(&self, question: Vec<u8>) -> Result<Verified, Error> {
        let answer = timeout(self.timeout, self.exchange(question)).await;
        match answer.unwrap_or(Err(FetchError::NoAnswer("timed out"))) {
            Ok(answer) => {
                if self.down.swap(false, Ordering::Relaxed) {
                    tracing::info!(url = %self.url, "the application answers again");
                }
                answer
            }
            Err(error) => {
                if !self.down.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        url = %self.url,
                        error = &error as &dyn std::error::Error,
                        "the application cannot be asked; nobody can log in"
                    );
                }
                Err(Error::Unavailable)
            }
        }
    }

    async fn exchange(&self, question: Vec<u8>) -> Result<Result<Verified, Error>, FetchError> {
        // never closed
        let _place = self.places.acquire().await;
        let now = self.clock.now();
        let seconds = now.timestamp_millis() / 1_000;
        let signature = signature::of(self.secret.expose_secret(), seconds, &question);
        let request = callout::signed(&self.client, &self.url, &self.secrets, now, question);
        let response = request.header(signature::HEADER, signature).send().await?;
        match response.status() {
            StatusCode::OK => {
                let body = callout::body(response, MAX_BYTES).await?;
                answer::granted(&body).map(Ok).map_err(FetchError::Unusable)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                // a refusal is valid even if its reason does not arrive
                let body = callout::body(response, MAX_BYTES).await.unwrap_or_default();
                Ok(Err(answer::refused(&body)))
            }
            status => Err(FetchError::Status(status.as_u16())),
        }
    }
}
