//! The clock: the one place that asks the system for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bson::DateTime;

/// Where times come from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// A clock that stands still until a test moves it (milliseconds since 1970).
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The present time, in whole milliseconds as MongoDB stores them.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime {
        match self {
            Self::System => DateTime::from_chrono(chrono::Utc::now()),
            Self::Manual(at) => DateTime::from_millis(at.load(Ordering::SeqCst)),
        }
    }

    /// The time it was a while ago.
    pub fn ago(&self, pause: Duration) -> DateTime {
        let less = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        DateTime::from_millis(self.now().timestamp_millis().saturating_sub(less))
    }

    /// The time it will be after a while.
    pub fn after(&self, pause: Duration) -> DateTime {
        let more = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        DateTime::from_millis(self.now().timestamp_millis().saturating_add(more))
    }
}
