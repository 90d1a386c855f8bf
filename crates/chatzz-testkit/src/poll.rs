//! Waiting for conditions that have no event.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::frame::PATIENCE;

/// Pause between two checks.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Checks again and again until `look` finds something, at most `within`.
///
/// # Panics
/// Panics when the time has passed.
#[track_caller]
pub fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + within;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{caller}: waited {within:?} in vain: {what}"
            );
            sleep(PAUSE).await;
        }
    }
}

/// Like [`until`], with the tests' default patience.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    until(what, PATIENCE, look)
}
