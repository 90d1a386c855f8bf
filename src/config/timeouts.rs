//! How long an answer and a shutdown may take.

use std::time::Duration;

use super::parse;
use super::reader::Reader;

/// How long an answer and a shutdown may take.
#[derive(Debug, Clone)]
pub struct TimeoutsConfig {
    /// The deadline of the answer to an event.
    ///
    /// `CHATZZ_REQUEST_TIMEOUT`, default `4500ms`, duration. Keep it below the ack timeout
    /// of the clients, so that they hear an error instead of nothing.
    pub request: Duration,
    /// How long a shutdown waits for work that has begun.
    ///
    /// `CHATZZ_DRAIN_TIMEOUT`, default `5s`, duration. Keep it below the time that the
    /// supervisor leaves before it kills.
    pub drain: Duration,
}

impl TimeoutsConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let request = keys.read("CHATZZ_REQUEST_TIMEOUT", |text| {
            parse::duration(text, Duration::from_millis(50)..=Duration::from_mins(1))
        });
        let drain = keys.read("CHATZZ_DRAIN_TIMEOUT", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_mins(5))
        });
        Some(Self {
            request: request?,
            drain: drain?,
        })
    }
}
