//! Slots among a bounded number.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts slots, up to a maximum.
#[derive(Debug)]
pub(super) struct Counter {
    now: AtomicUsize,
    most: usize,
}

impl Counter {
    pub(super) fn new(most: Option<usize>) -> Self {
        Self {
            now: AtomicUsize::new(0),
            most: most.unwrap_or(usize::MAX),
        }
    }

    /// Takes a slot, if one is free.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Slot> {
        let more = |now| (now < self.most).then_some(now + 1);
        let entered = self
            .now
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        entered.is_ok().then(|| Slot(Arc::clone(self)))
    }
}

/// A slot, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Counter>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
