//! How long an answer and a shutdown may take.

use std::time::Duration;

use super::parse::within;

section! {
    /// How long an answer and a shutdown may take.
    pub struct TimeoutsConfig in "Time-outs" {
        /// The deadline of the answer to an event.
        /// Keep it below the ack timeout of the clients, so that they hear an error, not nothing.
        request: Duration =
            key("CHATZZ_REQUEST_TIMEOUT", "duration", default("4500ms"), within("50ms", "1m")),
        /// How long a shutdown waits for work that has begun.
        /// Keep it below the time that the supervisor leaves before it kills.
        drain: Duration =
            key("CHATZZ_DRAIN_TIMEOUT", "duration", default("5s"), within("0s", "5m")),
    }
}
