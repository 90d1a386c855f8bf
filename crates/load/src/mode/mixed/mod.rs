//! `mixed`: what a day is like: some talk much, most little, and all of it at once.

mod actor;
mod inbox;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Zipf};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Common;
use crate::measure::{Checks, Latency, Report, Schedule, Stage, pace};
use crate::wire::Target;
use actor::Actor;

/// Everything at once, in an open loop: messages, reads, history, reconnects
///
/// `seed --people P --contacts C --per-room M` stores the people, all of whom
/// are online. Who talks to whom is drawn by Zipf's law.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// What is done.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// How many people there are
    #[arg(long, default_value_t = 100)]
    people: u32,
    /// Contacts of each
    #[arg(long, default_value_t = 20)]
    contacts: u32,
    /// Things done a second, all together
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// Share of reading everything of one contact (`message-read`), of 100
    #[arg(long, default_value_t = 15)]
    reads: u32,
    /// Share of the newest page of one contact (`get-old-messages`), of 100
    #[arg(long, default_value_t = 5)]
    pages: u32,
    /// Share of leaving and coming back at once, of 100
    #[arg(long, default_value_t = 1)]
    reconnects: u32,
    /// Exponent of Zipf's law: 0 is all alike, 1 as words in a language
    #[arg(long, default_value_t = 1.0)]
    skew: f64,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64)]
    text_bytes: usize,
}

/// What somebody is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Send,
    Read,
    Page,
    Reconnect,
}

/// The kinds, in the order of the latencies.
const KINDS: [(Kind, &str); 4] = [
    (Kind::Send, "send"),
    (Kind::Read, "read"),
    (Kind::Page, "page"),
    (Kind::Reconnect, "reconnect"),
];

/// One thing to do, with whom, and when it was due.
#[derive(Clone, Copy, Debug)]
struct Order {
    kind: Kind,
    with: u32,
    due: u64,
}

/// What all share.
struct Day {
    stage: Arc<Stage>,
    target: Target,
    load: Load,
    number: u32,
}

/// What one did until the orders ended.
#[derive(Debug, Default)]
struct Done {
    me: u32,
    /// To whom how many messages, and which of them were refused.
    sent: HashMap<u32, (u64, BTreeSet<u64>)>,
    latencies: [Latency; 4],
    count: u64,
    errors: u64,
}

/// How many messages each sender wrote to one, and which of them were refused.
type Expected = HashMap<u32, (u64, BTreeSet<u64>)>;

/// How long it may take to settle after the window.
const SETTLING: Duration = Duration::from_secs(30);

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    let parameters = super::parameters(&load)?;
    anyhow::ensure!(
        load.reads + load.pages + load.reconnects <= 100,
        "the shares are more than 100 together"
    );
    let stage = Stage::new("mixed");
    let day = Arc::new(Day {
        stage: Arc::clone(&stage),
        target: common.target,
        load,
        number: super::run_number(),
    });
    let mut tasks: JoinSet<anyhow::Result<Checks>> = JoinSet::new();
    let mut orders = Vec::new();
    let mut expectations = Vec::new();
    let (tell_done, mut all_done) = mpsc::unbounded_channel();
    for me in 0..load.people + load.contacts {
        let mut actor = Actor::log_in(&day, me).await?;
        let (give, take) = mpsc::unbounded_channel();
        let (expect, expected) = oneshot::channel();
        orders.push(give);
        expectations.push(expect);
        let tell_done = tell_done.clone();
        tasks.spawn(async move {
            let done = actor.work(take).await?;
            // a run that has failed does not listen any more
            let _ = tell_done.send(done);
            drop(tell_done);
            actor.settle(expected.await?).await
        });
    }
    drop(tell_done);
    stage.begin(common.window);
    give_orders(&day, orders)?;
    let measured = stage.run(&common.watched).await;

    let mut done = Vec::new();
    let gather = async {
        while let Some(one) = all_done.recv().await {
            done.push(one);
        }
    };
    timeout(SETTLING, gather)
        .await
        .context("answers are missing")?;
    let mut latencies: [Latency; 4] = Default::default();
    let (mut count, mut checks) = (0, Checks::default());
    let mut expected: HashMap<u32, Expected> = HashMap::new();
    for one in done {
        for (all, own) in latencies.iter_mut().zip(&one.latencies) {
            all.merge(own);
        }
        count += one.count;
        checks.errors += one.errors;
        for (to, sent) in one.sent {
            expected.entry(to).or_default().insert(one.me, sent);
        }
    }
    for (me, expect) in (0..).zip(expectations) {
        // one that has failed does not listen any more
        let _ = expect.send(expected.remove(&me).unwrap_or_default());
    }
    while let Some(ended) = tasks.join_next().await {
        checks.add(ended??);
    }
    let mut all = Latency::default();
    for latency in &latencies {
        all.merge(latency);
    }
    let mut report = Report::new("mixed", parameters, measured, count, &all);
    for ((_, name), latency) in KINDS.iter().zip(&latencies) {
        report.also(name, latency);
    }
    report.checks = checks;
    Ok(report)
}

/// Draws what is due, and gives it to whom it concerns.
fn give_orders(day: &Arc<Day>, to: Vec<mpsc::UnboundedSender<Order>>) -> anyhow::Result<()> {
    let load = day.load;
    let schedule = Schedule {
        rate: load.rate,
        begin: day.stage.now(),
        end: day.stage.until(),
    };
    let rooms = load.people * load.contacts;
    let zipf = Zipf::new(f64::from(rooms), load.skew).context("no such law")?;
    let mut random = SmallRng::seed_from_u64(1);
    let stage = Arc::clone(&day.stage);
    std::thread::spawn(move || {
        pace(
            schedule,
            || stage.now(),
            |_, due| {
                let rank = zipf.sample(&mut random);
                let (who, order) = draw(load, rank, due, &mut random);
                let who = usize::try_from(who).ok().and_then(|who| to.get(who));
                who.is_some_and(|who| who.send(order).is_ok())
            },
        );
    });
    Ok(())
}

/// Who does what with whom, in the chat room of this rank (1 is the busiest).
fn draw(load: Load, rank: f64, due: u64, random: &mut SmallRng) -> (u32, Order) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is from 1 to the number of chat rooms"
    )]
    let room = (rank as u32)
        .saturating_sub(1)
        .min(load.people * load.contacts - 1);
    // neighbours in rank are different people and different contacts
    let person = room % load.people;
    let contact = load.people + (room / load.people + person) % load.contacts;
    let (who, with) = if random.random() {
        (person, contact)
    } else {
        (contact, person)
    };
    let share = random.random_range(0..100);
    let kind = if share < load.reconnects {
        Kind::Reconnect
    } else if share < load.reconnects + load.pages {
        Kind::Page
    } else if share < load.reconnects + load.pages + load.reads {
        Kind::Read
    } else {
        Kind::Send
    };
    (who, Order { kind, with, due })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chat_room_has_one_rank_and_the_shares_are_kept() {
        let load = Load {
            people: 4,
            contacts: 6,
            rate: 1.0,
            reads: 15,
            pages: 5,
            reconnects: 1,
            skew: 1.0,
            text_bytes: 0,
        };
        let mut random = SmallRng::seed_from_u64(7);
        let mut rooms = BTreeSet::new();
        let mut kinds: HashMap<&str, u32> = HashMap::new();
        for i in 0..24_000_u32 {
            let rank = f64::from(i % 24 + 1);
            let (who, order) = draw(load, rank, 0, &mut random);
            let (low, high) = (who.min(order.with), who.max(order.with));
            assert!(low < 4 && (4..10).contains(&high), "{who} and {order:?}");
            rooms.insert((low, high));
            let name = KINDS
                .iter()
                .find(|(kind, _)| *kind == order.kind)
                .unwrap()
                .1;
            *kinds.entry(name).or_default() += 1;
        }
        assert_eq!(rooms.len(), 24);
        assert!((17_900..20_100).contains(&kinds["send"]), "{kinds:?}");
        assert!((3_200..4_000).contains(&kinds["read"]), "{kinds:?}");
        assert!((1_000..1_400).contains(&kinds["page"]), "{kinds:?}");
        assert!((150..350).contains(&kinds["reconnect"]), "{kinds:?}");
    }
}
