//! `backlog`: a back end that was away catches up with the log of events.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Common;
use super::batches::Batches;
use super::send::{EventPage, pull};
use crate::measure::{Checks, Latency, Measured, Order, Peak, Report, Stage};
use crate::wire::{Api, Text, number_after};

/// Messages that nobody takes the events of, and then somebody who takes all
///
/// Sends them by `POST /v1/messages/batch` as fast as the server takes them, then asks
/// `GET /v1/events` again and again until everything is there. What is counted are the
/// events, the latency is that of one call; `--warm-up` and `--seconds` mean nothing.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// What there is to catch up with.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// How many messages; 500 a second for an hour unless it is given
    #[arg(long, default_value_t = 1_800_000)]
    messages: u64,
    /// Pairs of people who write them
    #[arg(long, default_value_t = 100)]
    pairs: u32,
    /// Messages of a batch
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=500))]
    batch: u32,
    /// Batches that are not answered yet
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Seconds between, after which the server has given back the memory that sending took
    #[arg(long, default_value_t = 20.0)]
    settle: f64,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64)]
    text_bytes: usize,
    /// Number of the first user
    #[arg(long, default_value_t = 0)]
    first_user: u32,
}

/// How long the next event may take.
const ARRIVING: Duration = Duration::from_secs(20);

/// What was sent by somebody: how many messages, and those that were refused.
type Sent = HashMap<u32, (u64, BTreeSet<u64>)>;

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    anyhow::ensure!(load.in_flight <= load.pairs, "fewer pairs than in flight");
    let stage = Stage::new("backlog");
    let api = Api::of(&common.api)?;
    let number = super::run_number();
    let head = pull(&api, "head", "").await?.cursor;
    let began = Instant::now();
    let (sent, mut checks) = produce(&stage, &api, load, number).await?;
    let producing = began.elapsed().as_secs_f64();

    stage.say("nothing happens");
    sleep(Duration::from_secs_f64(load.settle)).await;
    let peak = Peak::begin(&common.watched)?;
    let (began, before) = (Instant::now(), common.watched.cpu());
    let mut taken = Taken {
        number,
        wanted: sent.values().map(|(total, _)| total).sum(),
        ..Taken::default()
    };
    taken.all(&stage, &api, head).await?;
    let measured = Measured {
        seconds: began.elapsed().as_secs_f64(),
        cpu: common.watched.cpu().since(&before),
    };
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("backlog", parameters, measured, taken.count, &taken.latency);
    if let Some(peak) = peak {
        report.figures.extend(peak.end("pull"));
    }
    for (from, (total, failed)) in &sent {
        let order = taken.orders.remove(from).unwrap_or_default();
        checks.lost += order.lost(*total, failed);
        checks.disorder += order.disorder;
    }
    report.checks = checks;
    report.figure("producingSeconds", producing);
    report.figure("pullingSeconds", measured.seconds);
    Ok(report)
}

/// Sends all of them.
async fn produce(
    stage: &Arc<Stage>,
    api: &Api,
    load: Load,
    number: u32,
) -> anyhow::Result<(Sent, Checks)> {
    let mut tasks = JoinSet::new();
    let of_each = load.messages.div_ceil(load.in_flight.into());
    for worker in 0..load.in_flight {
        let pairs = (worker..load.pairs)
            .step_by(load.in_flight as usize)
            .map(|pair| load.first_user + 2 * pair)
            .map(|from| (from, from + 1));
        let mut batches = Batches::new(api.clone(), (number, load.text_bytes), pairs);
        let stage = Arc::clone(stage);
        tasks.spawn(async move {
            let mut left = of_each;
            while left > 0 {
                let size = left.min(load.batch.into());
                batches.send(0, usize::try_from(size)?).await?;
                left -= size;
                if (left / u64::from(load.batch)).is_multiple_of(200) {
                    stage.say(&format!("{left} messages to send"));
                }
            }
            anyhow::Ok(batches)
        });
    }
    let (mut sent, mut checks) = (Sent::default(), Checks::default());
    while let Some(ended) = tasks.join_next().await {
        let batches = ended??;
        checks.add(batches.checks());
        let lines = batches.sent();
        sent.extend(lines.map(|(from, total, failed)| (from, (total, failed.clone()))));
    }
    Ok((sent, checks))
}

/// What came.
#[derive(Default)]
struct Taken {
    number: u32,
    /// How many there should be.
    wanted: u64,
    orders: HashMap<u32, Order>,
    latency: Latency,
    count: u64,
}

impl Taken {
    /// Asks until everything is here, or nothing comes any more.
    async fn all(&mut self, stage: &Stage, api: &Api, mut after: String) -> anyhow::Result<()> {
        let mut news = Instant::now();
        for page in 0_u32.. {
            let at = stage.now();
            let EventPage {
                json,
                cursor,
                has_more,
            } = pull(api, &after, "&wait=1s").await?;
            self.latency.add(stage.now() - at);
            let before = self.count;
            for (text, rest) in Text::find_all(&json).filter(|(text, _)| text.run == self.number) {
                self.count += 1;
                let seq = number_after(rest, "\"seq\":").unwrap_or_default();
                let order = self.orders.entry(text.from).or_default();
                order.see_again(text.n, seq);
            }
            if page % 200 == 0 {
                stage.say(&format!("{} events taken", self.count));
            }
            if self.count > before {
                news = Instant::now();
            }
            if !has_more && (self.count >= self.wanted || news.elapsed() > ARRIVING) {
                break;
            }
            after = cursor;
        }
        Ok(())
    }
}
