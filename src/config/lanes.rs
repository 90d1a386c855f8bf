//! The lanes that number and store messages.

use std::num::NonZero;
use std::thread;

use super::parse::within;

section! {
    /// The lanes that number and store messages.
    pub struct LanesConfig in "Lanes" {
        /// How many lanes there are; each numbers and stores the messages of some chat rooms.
        /// Raise it when the database is far away and has capacity to spare.
        lanes: Option<usize> =
            key("CHATZZ_LANES", "count", unset("the number of cores, from 2 to 16", None, "4"),
                within::<usize>("1", "256")),
        /// The most messages that wait in one lane; further ones are answered `overloaded`.
        /// Lower it to refuse earlier. In any case a message waits at most `CHATZZ_REQUEST_TIMEOUT`.
        queue: usize =
            key("CHATZZ_LANE_QUEUE", "messages", default("8192"), within("1", "1000000")),
    }
}

impl LanesConfig {
    /// The number of lanes to start: the configured one, else the number of cores, from 2 to 16.
    pub fn count(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        self.lanes.unwrap_or_else(|| cores().clamp(2, 16))
    }
}
