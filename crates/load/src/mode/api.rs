//! `api`: a back end sends messages as users, in batches.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Common;
use super::batches::Batches;
use super::workers::{self, Work};
use crate::measure::{Report, Stage};
use crate::wire::Api;

/// A back end sends messages as users, in batches (`POST /v1/messages/batch`)
///
/// The users 2i and 2i + 1 are a pair; `seed --users` stores them. The latency is
/// that of a batch; what is counted are messages. Afterwards everything is read back.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// What is sent.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// Pairs of people, shared out to the batches in flight
    #[arg(long, default_value_t = 50)]
    pairs: u32,
    /// Messages of a batch, one of each pair in turn
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    batch: u32,
    /// Batches that are not answered yet, each over a connection of its own
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Open loop: messages a second in all; a batch waits only while all are in flight
    #[arg(long)]
    rate: Option<f64>,
    /// Bytes of a message's text, at least about 30
    #[arg(long, default_value_t = 64)]
    text_bytes: usize,
    /// Number of the first user
    #[arg(long, default_value_t = 0)]
    first_user: u32,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    anyhow::ensure!(load.in_flight <= load.pairs, "fewer pairs than in flight");
    let stage = Stage::new("api");
    let api = Api::of(&common.api)?;
    let number = super::run_number();
    stage.begin(common.window);
    let batches = load.rate.map(|rate| rate / f64::from(load.batch));
    let due = workers::deal(&stage, batches, load.in_flight);
    let workers = (0..load.in_flight).zip(due).map(|(worker, due)| {
        let pairs = (worker..load.pairs)
            .step_by(load.in_flight as usize)
            .map(|pair| load.first_user + 2 * pair)
            .map(|from| (from, from + 1));
        let batches = Batches::new(api.clone(), (number, load.text_bytes), pairs);
        work(Arc::clone(&stage), batches, load, due)
    });
    let (measured, work) = workers::run_begun(&stage, &common.watched, workers).await?;
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("api", parameters, measured, work.count, &work.latency);
    report.checks = work.checks;
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    report.figure("sentInAll", work.amount as f64);
    Ok(report)
}

/// Sends one batch after the other, then reads all of them back.
async fn work(
    stage: Arc<Stage>,
    mut batches: Batches,
    load: Load,
    mut due: Option<UnboundedReceiver<u64>>,
) -> anyhow::Result<Work> {
    let mut work = Work::default();
    loop {
        let at = match &mut due {
            None if stage.is_open() => stage.now(),
            None => break,
            Some(due) => match due.recv().await {
                Some(at) => at,
                None => break,
            },
        };
        let stored = batches.send(at, load.batch as usize).await?;
        let now = stage.now();
        work.amount += stored;
        for _ in 0..stored {
            stage.done();
        }
        if stage.counts(now) {
            work.count += stored;
        }
        if stage.counts(at) {
            work.latency.add(now - at);
        }
    }
    work.checks = batches.checks();
    work.checks.add(batches.read_back().await?);
    Ok(work)
}
