//! The log of refused tokens, bounded: strangers can send as many as they like.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Lines that may be written at once; from then on there is one a second.
const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// Writes the log of refused tokens.
#[derive(Debug)]
pub(super) struct Refusals {
    lines: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Refusals {
    pub(super) fn new() -> Self {
        let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(BURST);
        Self {
            lines: RateLimiter::direct(quota),
            left_out: AtomicU64::new(0),
        }
    }

    /// Logs why a token was refused, and how many refusals were left out before.
    pub(super) fn log(&self, at: &'static str, reason: &str) {
        if self.lines.check().is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        tracing::info!(at, reason, left_out, "a token was refused");
    }
}
