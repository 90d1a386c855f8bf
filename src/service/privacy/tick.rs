//! Refusals leave on a beat since their question came, so that time does not tell how
//! they were found. Since the question: a beat of the server's own could be heard, and
//! a question be put just before it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Pause between two ticks: several times what a point query takes.
const PAUSE: Duration = Duration::from_millis(10);

/// The beat of one question.
pub(in crate::service) struct Tick {
    began: Instant,
}

impl Tick {
    /// Begins with the question.
    pub(in crate::service) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Waits for the next tick, at most 10 ms.
    pub(super) async fn next(self) {
        let beats = self.began.elapsed().as_nanos() / PAUSE.as_nanos() + 1;
        let beats = u32::try_from(beats).unwrap_or(u32::MAX);
        sleep_until(self.began + PAUSE.saturating_mul(beats)).await;
    }
}
