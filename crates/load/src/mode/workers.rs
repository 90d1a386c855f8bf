//! Workers that do one thing after the other until the window is over.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::measure::{Checks, Latency, Measured, Stage, Watched, Window};

/// What a worker, or all of them, did.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Of what was begun and ended within the window.
    pub(super) latency: Latency,
    /// A second latency of the mode.
    pub(super) other: Latency,
    /// What was ended within the window.
    pub(super) count: u64,
    pub(super) checks: Checks,
    /// Further things counted, such as bytes or messages.
    pub(super) amount: u64,
}

impl Work {
    /// Notes that something begun at `at` has ended now.
    pub(super) fn ended(&mut self, stage: &Stage, at: u64) {
        let now = stage.now();
        stage.done();
        if stage.counts(now) {
            self.count += 1;
        }
        if stage.counts(at) {
            self.latency.add(now - at);
        }
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.other.merge(&other.other);
        self.count += other.count;
        self.amount += other.amount;
        self.checks.add(other.checks);
    }
}

/// Sets the window, runs the workers, and adds up what they did.
pub(super) async fn run<F>(
    stage: &Arc<Stage>,
    (window, watched): (Window, Watched),
    workers: impl IntoIterator<Item = F>,
) -> anyhow::Result<(Measured, Work)>
where
    F: Future<Output = anyhow::Result<Work>> + Send + 'static,
{
    stage.begin(window);
    let mut tasks = JoinSet::new();
    for worker in workers {
        tasks.spawn(worker);
    }
    let measured = stage.run(watched).await;
    let mut all = Work::default();
    while let Some(ended) = tasks.join_next().await {
        all.add(&ended??);
    }
    Ok((measured, all))
}
