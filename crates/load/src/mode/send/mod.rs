//! `send`: pairs of people, one of each writing to the other.

mod events;
mod receiver;
mod sender;
mod times;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Barrier, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::Common;
use super::workers::deal;
use crate::measure::{Checks, Latency, Measured, Report, Stage};
use crate::wire::Target;
use events::{EventOptions, Events};
use receiver::Received;
use times::Times;

pub(crate) use events::Consumer;
pub(super) use events::{EventPage, pull};

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
    /// A further server of the same database: the two of a pair are connected to two servers
    #[arg(long)]
    other_addr: Vec<SocketAddr>,
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
    /// The second of each pair writes to the first, too
    #[arg(long)]
    both_ways: bool,
    /// Mark each message as read, with one receipt per message (`upTo`)
    #[arg(long)]
    receipts: bool,
    /// Number of the first user
    #[arg(long, default_value_t = 0)]
    first_user: u32,
    #[command(flatten)]
    #[serde(flatten)]
    events: EventOptions,
}

impl Load {
    /// In how many directions messages are sent.
    fn directions(&self) -> u32 {
        self.pairs * if self.both_ways { 2 } else { 1 }
    }

    /// Who writes to whom.
    fn direction(&self, i: u32) -> (u32, u32) {
        if !self.both_ways {
            return (self.first_user + 2 * i, self.first_user + 2 * i + 1);
        }
        (self.first_user + i, self.first_user + (i ^ 1))
    }
}

/// What the tasks of a run share.
struct Run {
    stage: Arc<Stage>,
    /// The servers.
    targets: Vec<Target>,
    load: Load,
    /// Tells this run's messages from others.
    number: u32,
    /// Everybody is connected.
    ready: Barrier,
    /// The window is set.
    begun: watch::Receiver<bool>,
}

impl Run {
    /// The server of a person: neighbours are at different ones.
    fn target(&self, person: u32) -> anyhow::Result<&Target> {
        let person = usize::try_from(person)?;
        let server = person.checked_rem(self.targets.len());
        let target = server.and_then(|server| self.targets.get(server));
        target.context("no server")
    }

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
    let Options {
        common,
        load,
        other_addr,
    } = options;
    let Common {
        target,
        window,
        watched,
        api,
    } = common;
    let others = other_addr.into_iter().map(|addr| Target {
        addr,
        ..target.clone()
    });
    let targets = std::iter::once(target.clone()).chain(others).collect();
    let parameters = super::parameters(&load)?;
    let stage = Stage::new("send");
    let number = super::run_number();
    let consumer = Events::start(load.events, &api, Arc::clone(&stage), number).await?;
    let (gun, begun) = watch::channel(false);
    let run = Arc::new(Run {
        stage: Arc::clone(&stage),
        targets,
        number,
        ready: Barrier::new(usize::try_from(2 * load.directions())? + 1),
        load,
        begun,
    });
    let mut senders = JoinSet::new();
    let mut receivers = JoinSet::new();
    let mut due = Vec::new();
    let mut ends = Vec::new();
    for i in 0..run.load.directions() {
        let (give, take) = oneshot::channel();
        due.push(give);
        let (end, ended) = watch::channel(None);
        ends.push(end);
        let (a, b) = (Arc::clone(&run), Arc::clone(&run));
        senders.spawn(async move { Ok((i, sender::run(&a, i, take).await?)) });
        receivers.spawn(async move { Ok((i, receiver::run(&b, i, ended).await?)) });
    }
    tokio::select! {
        _ = run.ready.wait() => {}
        // all wait for each other, so whoever ends now has failed
        Some(ended) = senders.join_next() => return Err(too_early(ended)),
        Some(ended) = receivers.join_next() => return Err(too_early(ended)),
    }
    stage.begin(window);
    let dealt = deal(&stage, run.load.rate, run.load.directions());
    for (give, dealt) in due.into_iter().zip(dealt) {
        // a sender that has failed is seen below
        let _ = give.send(dealt);
    }
    gun.send_replace(true);
    let measured = stage.run(&watched).await;

    let sent = timeout(SETTLING, join(senders)).await;
    let sent = sent.context("answers are missing long after the end")??;
    for (i, sent) in &sent {
        if let Some(end) = ends.get(usize::try_from(*i)?) {
            end.send_replace(Some((sent.total, sent.failed.clone())));
        }
    }
    let received = timeout(2 * ARRIVING, join(receivers)).await;
    let received = received.context("receivers do not end")??;

    let mut report = tally(&stage, (parameters, measured), &sent, &received)?;
    if let Some(consumer) = consumer {
        let sent = sent
            .iter()
            .map(|(i, sent)| (run.load.direction(*i).0, sent));
        let sent: Vec<_> = sent.collect();
        let checks = consumer.report(&stage, &sent, &mut report).await?;
        report.checks.add(checks);
    }
    Ok(report)
}

/// Adds up what all senders and receivers saw.
fn tally(
    stage: &Stage,
    (parameters, measured): (Value, Measured),
    sent: &[(u32, Sent)],
    received: &[(u32, Received)],
) -> anyhow::Result<Report> {
    let (mut answers, mut deliveries) = (Latency::default(), Latency::default());
    let mut after_ack = Latency::default();
    let (mut receipts, mut refused) = (Latency::default(), 0);
    let (mut answered, mut total, mut checks) = (0, 0, Checks::default());
    for ((_, sent), (_, received)) in sent.iter().zip(received) {
        answers.merge(&sent.latency);
        deliveries.merge(&received.latency);
        receipts.merge(&received.receipts);
        refused += received.refused;
        sent.acked.until(&received.arrived, stage, &mut after_ack);
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
    report.also("afterAck", &after_ack);
    if receipts.count() > 0 {
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

/// Waits for all, in their order.
async fn join<T: 'static>(
    mut tasks: JoinSet<anyhow::Result<(u32, T)>>,
) -> anyhow::Result<Vec<(u32, T)>> {
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.push(ended??);
    }
    all.sort_by_key(|(i, _)| *i);
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
    /// When each was answered.
    acked: Times,
    /// Those that were refused.
    failed: BTreeSet<u64>,
    /// Answers whose `seq` went backwards, and own copies that did.
    disorder: u64,
}
