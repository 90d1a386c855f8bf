//! The application, which takes events: one signed request for each.

use std::time::Duration;

use http::{StatusCode, header};
use parking_lot::Mutex;
use reqwest::Client;
use tokio::time::Instant;

use crate::callout::{self, FetchError, IDLE_CONNECTIONS};
use crate::clock::Clock;
use crate::config::{EventsConfig, ServiceUrl, SigningSecrets};
use crate::signature;
use crate::wire::Json;

/// Most bytes of an answer that are read, so that its connection can be used again.
const MAX_BYTES: usize = 64 * 1024;

/// The longest that a receiver is left alone because it says so.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// Why an event was not taken.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// For people.
    pub(super) reason: String,
    /// Whether the receiver wants to be left alone for a while.
    pub(super) is_put_off: bool,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self {
            reason: error.to_string(),
            is_put_off: false,
        }
    }
}

/// Where events are posted.
pub(super) struct Receiver {
    client: Client,
    url: ServiceUrl,
    secrets: SigningSecrets,
    clock: Clock,
    /// Until when it wants to be left alone.
    rests_until: Mutex<Option<Instant>>,
}

impl Receiver {
    /// The receiver that is configured; `None` without one.
    pub(super) fn new(config: &EventsConfig, clock: Clock) -> reqwest::Result<Option<Self>> {
        let (Some(url), Some(secrets)) = (config.url.clone(), config.secret.clone()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            client: callout::client(&url, config.timeout, IDLE_CONNECTIONS)?,
            url,
            secrets,
            clock,
            rests_until: Mutex::new(None),
        }))
    }

    /// Until when it wants to be left alone, if that is not over.
    pub(super) fn rests_until(&self) -> Option<Instant> {
        let until = *self.rests_until.lock();
        until.filter(|until| *until > Instant::now())
    }

    /// The URL, as it may be shown.
    pub(super) fn url(&self) -> &ServiceUrl {
        &self.url
    }

    /// Posts an event; it is taken when the answer's status is 2xx.
    pub(super) async fn post(&self, id: &str, body: &Json) -> Result<(), Failure> {
        let body = body.get().to_owned().into_bytes();
        let now = self.clock.now();
        let seconds = now.timestamp_millis() / 1_000;
        let signature = signature::sign(&self.secrets, id, seconds, &body);
        let request = self.client.post(self.url.url().clone());
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(signature::ID, id)
            .header(signature::TIMESTAMP, seconds)
            .header(signature::SIGNATURE, signature);
        let response = request.body(body).send().await.map_err(FetchError::from)?;
        let status = response.status();
        let rest = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                callout::retry_after(response.headers(), now)
            }
            _ => None,
        };
        // what it says does not matter
        let _ = callout::body(response, MAX_BYTES).await;
        if status.is_success() {
            return Ok(());
        }
        if let Some(rest) = rest {
            let until = Instant::now() + rest.min(LONGEST_REST);
            let mut rests_until = self.rests_until.lock();
            *rests_until = rests_until.max(Some(until));
        }
        Err(Failure {
            is_put_off: rest.is_some(),
            ..FetchError::Status(status.as_u16()).into()
        })
    }
}
