//! Waiting for what cannot be listened to.

use std::time::Duration;

use tokio::time::Instant;

use super::frame::PATIENCE;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until there is an answer, and returns it.
///
/// # Panics
/// Panics after [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = look().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
