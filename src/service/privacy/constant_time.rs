//! Refusals leave on a beat since their question came, so that time does not tell how
//! they were found. Since the question: a beat of the server's own could be heard, and
//! a question be put just before it.

use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep};

/// Pause between two ticks: several times what a point query takes.
const PAUSE: Duration = Duration::from_millis(10);

/// The beat of one question.
pub(in crate::service) struct ConstantTime {
    first: Pin<Box<Sleep>>,
}

impl ConstantTime {
    /// Begins with the question.
    ///
    /// Timers of the same millisecond go off in the order in which they were set. The
    /// first one is set now: set when the answer is known, it lets what was found sooner
    /// leave first (seen by `chatzz-load oracle`: z -1.8 to -2.7 in four runs). Those that
    /// take longer than a beat are set anew, in the order in which they were found.
    pub(in crate::service) fn begin() -> Self {
        let mut first = Box::pin(sleep(PAUSE));
        // polled once, whatever the task may do before it is to pause: that sets it
        let _not_yet = unconstrained(first.as_mut()).now_or_never();
        Self { first }
    }

    /// Waits for the next tick, at most 10 ms.
    pub(in crate::service) async fn next(mut self) {
        let first = self.first.deadline();
        let late = Instant::now().saturating_duration_since(first);
        if !late.is_zero() {
            let beats = late.as_nanos() / PAUSE.as_nanos() + 1;
            let beats = u32::try_from(beats).unwrap_or(u32::MAX);
            let next = first + PAUSE.saturating_mul(beats);
            self.first.as_mut().reset(next);
        }
        self.first.await;
    }
}
