//! `presence`: everybody connects, everybody disconnects, and all contacts are notified.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Common;
use super::workers::Work;
use crate::measure::{Checks, Latency, Report, Stage};
use crate::wire::{Envelope, Packet, Socket, Target, text_after, user_number};

/// Everybody logs in, everybody leaves, and so on; all contacts are there and listen
///
/// `seed --people P --contacts C` stores them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// Who connects and disconnects.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// How many people come and go
    #[arg(long, default_value_t = 200)]
    people: u32,
    /// Contacts of each, who listen
    #[arg(long, default_value_t = 50)]
    contacts: u32,
    /// How many are coming, or going, at the same time
    #[arg(long, default_value_t = 16)]
    at_once: usize,
}

/// How long the last contact may take to be notified of the last change.
const PATIENCE: Duration = Duration::from_secs(20);

/// The state that listeners and storm share.
struct Storm {
    stage: Arc<Stage>,
    target: Target,
    load: Load,
    /// When each person last began to connect or disconnect.
    changed: Vec<AtomicU64>,
    /// Changes received in all, by all listeners.
    heard: AtomicU64,
    gate: Semaphore,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    let stage = Stage::new("presence");
    let storm = Arc::new(Storm {
        stage: Arc::clone(&stage),
        target: common.target,
        load,
        changed: (0..load.people).map(|_| AtomicU64::new(0)).collect(),
        heard: AtomicU64::new(0),
        gate: Semaphore::new(load.at_once),
    });
    let (end, ended) = watch::channel(false);
    let mut listeners = JoinSet::new();
    for contact in 0..load.contacts {
        let mut socket = Socket::connect(&storm.target, None).await?;
        socket.login(load.people + contact, |_| {}).await?;
        let (storm, ended) = (Arc::clone(&storm), ended.clone());
        listeners.spawn(async move { storm.listen(socket, ended).await });
    }
    stage.begin(common.window);
    let rounds = {
        let storm = Arc::clone(&storm);
        tokio::spawn(async move { storm.rounds().await })
    };
    let measured = stage.run(&common.watched).await;
    let work = rounds.await??;
    // surplus notifications would arrive now
    sleep(Duration::from_millis(500)).await;
    end.send_replace(true);
    let mut fan_out = Latency::default();
    let mut checks = work.checks;
    while let Some(listener) = listeners.join_next().await {
        let heard = listener??;
        fan_out.merge(&heard.latency);
        checks.add(heard.checks);
    }
    let parameters = super::parameters(&load)?;
    let mut report = Report::new("presence", parameters, measured, work.count, &work.latency);
    report.also("heard", &fan_out);
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    report.figure(
        "envelopesPerSecond",
        fan_out.count() as f64 / measured.seconds,
    );
    report.checks = checks;
    Ok(report)
}

/// What one listener received.
#[derive(Debug, Default)]
struct Heard {
    latency: Latency,
    checks: Checks,
}

impl Storm {
    /// All connect and all disconnect until the window is over.
    async fn rounds(self: Arc<Self>) -> anyhow::Result<Work> {
        let mut all = Work::default();
        let mut expected = 0;
        while self.stage.is_open() {
            let mut coming = JoinSet::new();
            for person in 0..self.load.people {
                let storm = Arc::clone(&self);
                coming.spawn(async move { storm.come(person).await });
            }
            let mut here = Vec::new();
            while let Some(came) = coming.join_next().await {
                let (person, socket, work) = came??;
                here.push((person, socket));
                all.add(&work);
            }
            let changes = u64::from(self.load.people) * u64::from(self.load.contacts);
            expected += changes;
            all.checks.lost += self.all_heard(expected).await;
            let mut going = JoinSet::new();
            for (person, socket) in here {
                let storm = Arc::clone(&self);
                going.spawn(async move { storm.go(person, socket).await });
            }
            while let Some(gone) = going.join_next().await {
                all.add(&gone??);
            }
            expected += changes;
            all.checks.lost += self.all_heard(expected).await;
            if all.checks.lost > 0 {
                break; // late notifications would be counted in the next round
            }
        }
        Ok(all)
    }

    async fn come(&self, person: u32) -> anyhow::Result<(u32, Socket, Work)> {
        let _turn = self.gate.acquire().await?;
        let mut socket = Socket::connect(&self.target, None).await?;
        let mut work = Work::default();
        let at = self.changes(person)?;
        socket.login(person, |_| {}).await?;
        work.ended(&self.stage, at);
        Ok((person, socket, work))
    }

    async fn go(&self, person: u32, socket: Socket) -> anyhow::Result<Work> {
        let _turn = self.gate.acquire().await?;
        let mut work = Work::default();
        let at = self.changes(person)?;
        socket.close().await?;
        let now = self.stage.now();
        work.count += u64::from(self.stage.counts(now) && at <= now);
        Ok(work)
    }

    fn changes(&self, person: u32) -> anyhow::Result<u64> {
        let at = self.stage.now();
        let changed = self.changed.get(usize::try_from(person)?);
        changed.context("an unknown person")?.store(at, Relaxed);
        Ok(at)
    }

    /// Waits until that many changes were received; returns how many are missing.
    async fn all_heard(&self, expected: u64) -> u64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let missing = expected.saturating_sub(self.heard.load(Relaxed));
            if missing == 0 || Instant::now() >= deadline {
                return missing;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn listen(
        &self,
        mut socket: Socket,
        mut ended: watch::Receiver<bool>,
    ) -> anyhow::Result<Heard> {
        let mut heard = Heard::default();
        let mut online = vec![false; self.changed.len()];
        loop {
            tokio::select! {
                packet = socket.next() => self.hear(&packet?, &mut online, &mut heard),
                // a run that failed has dropped the sender
                _ = ended.changed() => return Ok(heard),
            }
        }
    }

    fn hear(&self, packet: &str, online: &mut [bool], heard: &mut Heard) {
        let Packet::Event(arguments) = Packet::parse(packet) else {
            return;
        };
        let Some(Envelope {
            kind: "chat-user-status-changed",
            rest,
        }) = Envelope::parse(arguments)
        else {
            return;
        };
        let person = text_after(rest, "\"user\":{\"_id\":\"").and_then(user_number);
        let index = person.and_then(|person| usize::try_from(person).ok());
        let Some((index, known)) = index.and_then(|i| online.get_mut(i).map(|known| (i, known)))
        else {
            return; // another listener, or somebody of an earlier run
        };
        let is_online = text_after(rest, "\"status\":\"") == Some("online");
        if *known == is_online {
            heard.checks.duplicate += 1;
            return;
        }
        *known = is_online;
        self.heard.fetch_add(1, Relaxed);
        let at = self.changed.get(index).map_or(0, |at| at.load(Relaxed));
        if self.stage.counts(at) {
            heard.latency.add(self.stage.now().saturating_sub(at));
        }
    }
}
