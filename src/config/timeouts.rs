//! How long an answer and a shutdown may take.

use std::time::Duration;

use super::parse::within;

section! {
    /// How long an answer and a shutdown may take.
    pub struct TimeoutsConfig in "Time-outs" {
        /// The deadline of the answer to an event.
        /// Keep it below the ack timeout of the clients, so that they get an error, not nothing.
        request: Duration =
            key("CHATZZ_REQUEST_TIMEOUT", "duration", default("4500ms"), within("50ms", "1m")),
        /// How long a shutdown waits for work in progress.
        /// Keep it below the time after which the supervisor kills the process.
        drain: Duration =
            key("CHATZZ_DRAIN_TIMEOUT", "duration", default("5s"), within("0s", "5m")),
    }
}
