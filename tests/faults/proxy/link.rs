//! What the connections of one link share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Options;
use super::fault::{LostReplies, Settings};

#[derive(Debug)]
/// The settings of a link and what was counted on it.
pub(super) struct Link {
    pub(super) settings: watch::Sender<Settings>,
    pub(super) seed: u64,
    pub(super) mongo: bool,
    pub(super) receive_buffer: Option<u32>,
    pub(super) lost_replies: AtomicU64,
    pub(super) resets: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) open: AtomicUsize,
    plan: Mutex<Option<LostReplies>>,
}

impl Link {
    pub(super) fn new(settings: Settings, options: Options) -> Self {
        Self {
            settings: watch::Sender::new(settings),
            seed: options.seed,
            mongo: options.mongo,
            receive_buffer: options.receive_buffer,
            lost_replies: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            plan: Mutex::new(None),
        }
    }

    pub(super) fn plan(&self, plan: Option<LostReplies>) {
        *self.plan.lock() = plan;
    }

    /// Whether the reply to this command is to be lost.
    pub(super) fn claims_reply_to(&self, name: &str) -> bool {
        let mut plan = self.plan.lock();
        plan.as_mut().is_some_and(|plan| plan.claims(name))
    }

    /// Counts a reply that was swallowed whole; returns how long its connection still lasts.
    pub(super) fn lost_a_reply(&self) -> Duration {
        self.lost_replies.fetch_add(1, Ordering::Relaxed);
        let plan = self.plan.lock();
        plan.as_ref()
            .map_or(Duration::ZERO, |plan| plan.reset_after)
    }

    pub(super) fn count_reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }
}
