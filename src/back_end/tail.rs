//! `chatzz events tail`: what happens, as it happens.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BackEnd, Call, CallError, TIMEOUT};

/// How long a call waits for the first event.
const WAIT: Duration = Duration::from_secs(25);

/// From where on, and what.
#[derive(Clone, Debug)]
pub struct Tail {
    /// A cursor, `head`, `oldest` or a time.
    pub after: String,
    /// Only these types, with commas.
    pub types: Option<String>,
}

/// An event as it came, with the cursor behind it.
#[derive(Clone, Debug)]
pub struct PulledEvent(pub Box<RawValue>);

/// The part of an event that is shown as text.
#[derive(Deserialize)]
struct Shown<'a> {
    timestamp: String,
    #[serde(rename = "type")]
    about: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl std::fmt::Display for PulledEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match serde_json::from_str(self.0.get()) {
            Ok(Shown {
                timestamp,
                about,
                data,
            }) => write!(f, "{timestamp} {about} {data}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// A page of events.
#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    cursor: String,
}

impl BackEnd {
    /// Hands over each event, for ever, until `hears` says `false`.
    ///
    /// # Errors
    /// Why no more can be heard: lost connections are waited for.
    pub async fn tail(
        &self,
        tail: Tail,
        mut hears: impl FnMut(PulledEvent) -> bool + Send,
    ) -> Result<(), CallError> {
        let mut after = tail.after;
        // the first call does not wait: what happens after it is behind its cursor, whatever
        // becomes of the next
        let mut wait = None;
        loop {
            let mut query = vec![("after", after.as_str())];
            query.extend(wait.as_deref().map(|wait| ("wait", wait)));
            query.extend(tail.types.as_deref().map(|types| ("types", types)));
            let call = Call {
                query: &query,
                timeout: WAIT + TIMEOUT,
                patience: None,
                ..Call::new(Method::GET, "events")
            };
            let page: Page = self.call(&call).await?;
            for event in page.events {
                if !hears(PulledEvent(event)) {
                    return Ok(());
                }
            }
            after = page.cursor;
            wait = Some(format!("{}s", WAIT.as_secs()));
        }
    }
}
