//! A beat on which refusals leave, so that time does not tell how they were found.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Pause between two ticks: several times what a point query takes.
const PAUSE: Duration = Duration::from_millis(10);

/// A beat since the start of the server.
pub(in crate::service) struct Tick {
    began: Instant,
}

impl Default for Tick {
    fn default() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Tick {
    /// Waits for the next tick, at most 10 ms.
    pub(in crate::service) async fn next(&self) {
        let into = self.began.elapsed().as_nanos() % PAUSE.as_nanos();
        let into = Duration::from_nanos(u64::try_from(into).unwrap_or_default());
        sleep_until(Instant::now() + PAUSE.saturating_sub(into)).await;
    }
}
