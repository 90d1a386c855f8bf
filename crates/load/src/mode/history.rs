//! `history`: people read pages from anywhere in their chat rooms.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use serde::Serialize;

use super::Common;
use super::workers::{self, Work};
use crate::measure::{Report, Stage};
use crate::wire::{Envelope, Packet, Socket, Target, sequence, user};

/// People read pages from anywhere in their chat rooms, one after the other
///
/// `seed --people P --contacts C --per-room M` stores them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// Who reads what.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// How many people there are
    #[arg(long, default_value_t = 500)]
    people: u32,
    /// Contacts of each
    #[arg(long, default_value_t = 50)]
    contacts: u32,
    /// Messages in each chat room
    #[arg(long, default_value_t = 200)]
    per_room: u64,
    /// Messages of a page
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// How many read at the same time
    #[arg(long, default_value_t = 1)]
    at_once: u32,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    anyhow::ensure!(
        load.limit <= load.per_room,
        "no chat room has so many messages"
    );
    let stage = Stage::new("history");
    let workers = (0..load.at_once).map(|reader| {
        let (stage, target) = (Arc::clone(&stage), common.target.clone());
        async move { work(&stage, &target, load, reader).await }
    });
    let window = (common.window, common.watched);
    let (measured, work) = workers::run(&stage, window, workers).await?;
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("history", parameters, measured, work.count, &work.latency);
    report.checks = work.checks;
    Ok(report)
}

/// Pages one person reads before the next takes the place.
const PAGES: u32 = 200;

async fn work(stage: &Stage, target: &Target, load: Load, reader: u32) -> anyhow::Result<Work> {
    let mut work = Work::default();
    let mut random = SmallRng::seed_from_u64(u64::from(reader));
    let mut person = reader % load.people;
    while stage.is_open() {
        let mut socket = Socket::connect(target, None).await?;
        socket.login(person, |_| {}).await?;
        for _ in 0..PAGES {
            if !stage.is_open() {
                break;
            }
            let contact = load.people + random.random_range(0..load.contacts);
            let before = random.random_range(load.limit..=load.per_room) + 1;
            let page = (contact, before, load.limit);
            work.checks.disorder +=
                u64::from(!read(&mut socket, target, page, &mut work, stage).await?);
        }
        socket.close().await?;
        person = (person + load.at_once) % load.people;
    }
    Ok(work)
}

/// Reads one page; false if it is not the one asked for, in order.
async fn read(
    socket: &mut Socket,
    target: &Target,
    (contact, before, limit): (u32, u64, u64),
    work: &mut Work,
    stage: &Stage,
) -> anyhow::Result<bool> {
    let contact = user(contact);
    let payload = format!("{{\"userId\":\"{contact}\",\"before\":{before},\"limit\":{limit}}}");
    let at = stage.now();
    let mut page = None;
    let hear = |arguments: &str| {
        if let Some(Envelope {
            kind: "old-messages",
            rest,
        }) = Envelope::parse(arguments)
        {
            page = Some(rest.to_owned());
        }
    };
    let answer = socket.call("get-old-messages", &payload, hear).await?;
    work.ended(stage, at);
    let page = match (target.peer, &page, Packet::parse(&answer)) {
        // the Node peer sends the page beside the ack
        (true, page, _) => page.as_deref().context("no page came")?,
        (false, _, Packet::Ack(_, arguments)) => arguments,
        (false, ..) => "",
    };
    Ok(sequence(page).eq(before - limit..before))
}
