//! `send`: pairs of people, one of each writing to the other.

mod receiver;
mod sender;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use tokio::sync::{Barrier, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::Common;
use crate::measure::{Checks, Latency, Report, Schedule, Stage, pace};
use crate::wire::Target;

/// How long answers may take after the window.
const SETTLING: Duration = Duration::from_secs(20);
/// How long messages may take after the last answer; they should be there before.
const ARRIVING: Duration = Duration::from_secs(5);

/// Pairs of people: the first of each writes to the second
///
/// The users 2i and 2i + 1 are a pair; `seed --users` stores them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// What is sent.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// Pairs of people
    #[arg(long, default_value_t = 1)]
    pairs: u32,
    /// Closed loop: messages of a pair that are not answered yet
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// Open loop: messages a second, of all pairs together, whatever the answers do
    #[arg(long, conflicts_with = "in_flight")]
    rate: Option<f64>,
    /// Bytes of a message's text, at least about 30
    #[arg(long, default_value_t = 64)]
    text_bytes: usize,
    /// Give every message a `clientId`
    #[arg(long)]
    client_ids: bool,
    /// Mark each message as read, with one receipt per message (`upTo`)
    #[arg(long)]
    receipts: bool,
    /// Number of the first user
    #[arg(long, default_value_t = 0)]
    first_user: u32,
}

/// What the tasks of a run share.
struct Run {
    stage: Arc<Stage>,
    target: Target,
    load: Load,
    /// Tells this run's messages from others.
    number: u32,
    /// Everybody is connected.
    ready: Barrier,
    /// The window is set.
    begun: watch::Receiver<bool>,
}

impl Run {
    /// Takes part in the start; returns when work may begin.
    async fn start(&self) -> anyhow::Result<()> {
        self.ready.wait().await;
        let mut begun = self.begun.clone();
        begun.wait_for(|begun| *begun).await.map(drop)?;
        Ok(())
    }
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    let Common {
        target,
        window,
        watched,
    } = common;
    let parameters = super::parameters(&load)?;
    let with_receipts = load.receipts;
    let stage = Stage::new("send");
    let (gun, begun) = watch::channel(false);
    let run = Arc::new(Run {
        stage: Arc::clone(&stage),
        target,
        number: super::run_number(),
        ready: Barrier::new(usize::try_from(2 * load.pairs)? + 1),
        load,
        begun,
    });
    let mut senders = JoinSet::new();
    let mut receivers = JoinSet::new();
    let mut due = Vec::new();
    let mut ends = Vec::new();
    for pair in 0..run.load.pairs {
        let (due_sender, due_receiver) = mpsc::unbounded_channel();
        due.push(due_sender);
        let due = run.load.rate.is_some().then_some(due_receiver);
        let (end, ended) = watch::channel(None);
        ends.push(end);
        let (a, b) = (Arc::clone(&run), Arc::clone(&run));
        senders.spawn(async move { Ok((pair, sender::run(&a, pair, due).await?)) });
        receivers.spawn(async move { Ok((pair, receiver::run(&b, pair, ended).await?)) });
    }
    tokio::select! {
        _ = run.ready.wait() => {}
        // all wait for each other, so whoever ends now has failed
        Some(ended) = senders.join_next() => return Err(too_early(ended)),
        Some(ended) = receivers.join_next() => return Err(too_early(ended)),
    }
    stage.begin(window);
    if let Some(rate) = run.load.rate {
        start_pacing(&stage, rate, due);
    }
    gun.send_replace(true);
    let measured = stage.run(watched).await;

    let sent = timeout(SETTLING, join(senders)).await;
    let sent = sent.context("answers are missing long after the end")??;
    for (pair, sent) in &sent {
        if let Some(end) = ends.get(usize::try_from(*pair)?) {
            end.send_replace(Some((sent.total, sent.failed.clone())));
        }
    }
    let received = timeout(2 * ARRIVING, join(receivers)).await;
    let received = received.context("receivers do not end")??;

    let (mut answers, mut deliveries) = (Latency::default(), Latency::default());
    let (mut receipts, mut refused) = (Latency::default(), 0);
    let (mut answered, mut total, mut checks) = (0, 0, Checks::default());
    for ((_, sent), (_, received)) in sent.iter().zip(&received) {
        answers.merge(&sent.latency);
        deliveries.merge(&received.latency);
        receipts.merge(&received.receipts);
        refused += received.refused;
        answered += sent.answered;
        total += sent.total;
        checks.add(Checks {
            lost: received.order.lost(sent.total, &sent.failed),
            duplicate: received.order.duplicate,
            disorder: received.order.disorder + received.holes + sent.disorder,
            errors: u64::try_from(sent.failed.len())?,
        });
    }
    let mut report = Report::new("send", parameters, measured, answered, &answers);
    report.also("delivery", &deliveries);
    if with_receipts {
        report.also("receipt", &receipts);
    }
    checks.errors += refused;
    report.checks = checks;
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    report.figure("sentInAll", total as f64);
    Ok(report)
}

/// Why a task ended before the start.
fn too_early<T>(ended: Result<anyhow::Result<T>, JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(_)) => anyhow::anyhow!("a client ended before the start"),
        Ok(Err(error)) => error,
        Err(error) => error.into(),
    }
}

/// Deals what is due out to the pairs, in turn.
fn start_pacing(stage: &Arc<Stage>, rate: f64, due: Vec<mpsc::UnboundedSender<u64>>) {
    let schedule = Schedule {
        rate,
        begin: stage.now(),
        end: stage.until(),
    };
    let stage = Arc::clone(stage);
    std::thread::spawn(move || {
        let mut turn = due.iter().cycle();
        pace(
            schedule,
            || stage.now(),
            |_, at| turn.next().is_some_and(|pair| pair.send(at).is_ok()),
        );
    });
}

/// Waits for all, in the order of the pairs.
async fn join<T: 'static>(
    mut tasks: JoinSet<anyhow::Result<(u32, T)>>,
) -> anyhow::Result<Vec<(u32, T)>> {
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.push(ended??);
    }
    all.sort_by_key(|(pair, _)| *pair);
    Ok(all)
}

/// What one sender did.
#[derive(Debug, Default)]
struct Sent {
    latency: Latency,
    /// Answers within the window.
    answered: u64,
    /// Messages in all.
    total: u64,
    /// Those that were refused.
    failed: BTreeSet<u64>,
    /// Answers whose `seq` went backwards, and own copies that did.
    disorder: u64,
}
