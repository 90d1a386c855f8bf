//! The application, which takes events: one signed request for each.

use http::header;
use reqwest::Client;

use crate::callout::{self, FetchError, IDLE_CONNECTIONS};
use crate::clock::Clock;
use crate::config::{EventsConfig, ServiceUrl, SigningSecrets};
use crate::signature;
use crate::wire::Json;

/// Most bytes of an answer that are read, so that its connection can be used again.
const MAX_BYTES: usize = 64 * 1024;

/// Where events are posted.
pub(super) struct Receiver {
    client: Client,
    url: ServiceUrl,
    secrets: SigningSecrets,
    clock: Clock,
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
        }))
    }

    /// The URL, as it may be shown.
    pub(super) fn url(&self) -> &ServiceUrl {
        &self.url
    }

    /// Posts an event; it is taken when the answer's status is 2xx.
    pub(super) async fn post(&self, id: &str, body: &Json) -> Result<(), FetchError> {
        let body = body.get().to_owned().into_bytes();
        let now = self.clock.now().timestamp_millis() / 1_000;
        let signature = signature::sign(&self.secrets, id, now, &body);
        let request = self.client.post(self.url.url().clone());
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(signature::ID, id)
            .header(signature::TIMESTAMP, now)
            .header(signature::SIGNATURE, signature);
        let response = request.body(body).send().await?;
        let status = response.status();
        // what it says does not matter
        let _ = callout::body(response, MAX_BYTES).await;
        if status.is_success() {
            Ok(())
        } else {
            Err(FetchError::Status(status.as_u16()))
        }
    }
}
