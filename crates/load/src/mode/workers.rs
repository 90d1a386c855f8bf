//! Workers that do one thing after the other until the window is over.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::measure::{Checks, Latency, Measured, Schedule, Stage, Watched, Window, pace};

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
    run_begun(stage, &watched, workers).await
}

/// Runs the workers in the window that is set, and adds up what they did.
pub(super) async fn run_begun<F>(
    stage: &Arc<Stage>,
    watched: &Watched,
    workers: impl IntoIterator<Item = F>,
) -> anyhow::Result<(Measured, Work)>
where
    F: Future<Output = anyhow::Result<Work>> + Send + 'static,
{
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

/// Deals what is due at a rate out to so many workers, in turn, until the window is over;
/// `None` to each if there is no rate.
pub(super) fn deal(
    stage: &Arc<Stage>,
    rate: Option<f64>,
    workers: u32,
) -> Vec<Option<UnboundedReceiver<u64>>> {
    let Some(rate) = rate else {
        return (0..workers).map(|_| None).collect();
    };
    let (give, take): (Vec<_>, Vec<_>) = (0..workers)
        .map(|_| {
            let (give, take) = unbounded_channel();
            (give, Some(take))
        })
        .unzip();
    let schedule = Schedule {
        rate,
        begin: stage.now(),
        end: stage.until(),
    };
    let stage = Arc::clone(stage);
    std::thread::spawn(move || {
        let mut turn = give.iter().cycle();
        pace(
            schedule,
            || stage.now(),
            |_, at| turn.next().is_some_and(|worker| worker.send(at).is_ok()),
        );
    });
    take
}
