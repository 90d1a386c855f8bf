//! When something happened to each message of a sender.

use crate::measure::{Latency, Stage};

/// A time for each number, 0 where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(Vec<u64>);

impl Times {
    /// Notes when it happened to message `n`; false if it has happened before.
    pub(super) fn note(&mut self, n: u64, at: u64) -> bool {
        let Ok(n) = usize::try_from(n) else {
            return false;
        };
        if self.0.len() <= n {
            self.0.resize(n + 1, 0);
        }
        match self.0.get_mut(n) {
            Some(time) if *time == 0 => {
                *time = at.max(1);
                true
            }
            _ => false,
        }
    }

    /// Adds how long after this the other came, of each message to which this happened
    /// while it counted; at once, if the other came before.
    pub(super) fn until(&self, other: &Self, stage: &Stage, latency: &mut Latency) {
        let both = self.0.iter().zip(&other.0);
        for (this, other) in both.filter(|(this, other)| **this > 0 && **other > 0) {
            if stage.counts(*this) {
                latency.add(other.saturating_sub(*this));
            }
        }
    }
}
