//! `never-read`: people who ask for pages of history and never read; others write
//! as before.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use super::honest::Pairs;
use super::{From, Honest, compared};
use crate::measure::{Latency, Report, Stage, Watched};
use crate::mode::Common;
use crate::wire::{Envelope, Packet, Socket, Target, text_after, user, user_number};

/// People who never read; the latency of others without and with them
///
/// `seed --people N --contacts 1 --per-room 100 --text-bytes 400 --users 10100` stores N
/// of them and their one contact, who is notified when each of them goes offline: at that
/// moment they count as cut off, the offline grace included.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    honest: Honest,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    load: Load,
}

/// Who does not read.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// People who never read
    #[arg(long, default_value_t = 1_000)]
    deaf: u32,
    /// Pages of history that each asks for
    #[arg(long, default_value_t = 8)]
    asks: u32,
    /// How many of them connect each second; faster is a storm of logins, which is
    /// another test. All have to be connected before the first are cut off.
    #[arg(long, default_value_t = 125.0)]
    ramp: f64,
    /// Seconds to wait until all are cut off
    #[arg(long, default_value_t = 30.0)]
    patience: f64,
}

/// Bytes that the system may buffer for a person who does not read; the least, so that
/// unread data stays in the server.
const RECEIVE_BUFFER: u32 = 4 * 1024;
/// How many log in at the same time.
const AT_ONCE: usize = 16;
/// How often memory is read.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When each stopped reading, and for how long they stayed connected from then on.
#[derive(Default)]
struct Seen {
    stopped: HashMap<u32, Instant>,
    cut: HashMap<u32, Duration>,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options {
        common,
        honest,
        from,
        load,
    } = options;
    let stage = Stage::new("never-read");
    let pairs = Pairs::new(&stage, &common.target, honest, common.watched.clone());
    let (_, without) = pairs.write(common.window).await?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut contact = Socket::connect(&common.target, None).await?;
    contact.login(load.deaf, |_| {}).await?;
    let watching = tokio::spawn(watch_them(contact, Arc::clone(&seen)));
    let before = resident(&common.watched);
    let (stop, stopped) = watch::channel(());
    let peak = tokio::spawn(peak(common.watched.clone(), stopped));
    let (with, deaf) = tokio::join!(
        pairs.write(common.window),
        go_deaf(&common.target, from, load, &seen)
    );
    let (measured, latency) = with?;
    let deaf = deaf?;
    let wanted = usize::try_from(load.deaf)?;
    let end = Instant::now() + Duration::from_secs_f64(load.patience);
    while Instant::now() < end && seen.lock().cut.len() < wanted && !watching.is_finished() {
        sleep(LOOK_EVERY).await;
    }
    drop(stop);
    let peak = peak.await?;
    watching.abort();
    drop(deaf);
    let parameters = crate::mode::parameters(&(honest, load))?;
    let mut report = compared("never-read", parameters, &without, (measured, &latency));
    let seen = seen.lock();
    let mut cut = Latency::default();
    for after in seen.cut.values() {
        cut.add(u64::try_from(after.as_micros())?);
    }
    report.also("cut", &cut);
    report.checks.errors += u64::try_from(wanted.saturating_sub(seen.cut.len()))?;
    if let (Some(before), Some(peak)) = (before, peak) {
        report.figure("residentKibBefore", before);
        report.figure("residentKibPeak", peak);
        report.figure("kibEach", (peak - before) / f64::from(load.deaf.max(1)));
    }
    Ok(report)
}

/// Logs everybody in, lets everybody send requests, and reads no more.
async fn go_deaf(
    target: &Target,
    from: From,
    load: Load,
    seen: &Arc<Mutex<Seen>>,
) -> anyhow::Result<Vec<Socket>> {
    let mut running = JoinSet::new();
    let mut deaf = Vec::new();
    let mut coming = interval(Duration::from_secs_f64(1.0 / load.ramp.max(0.001)));
    for i in 0..load.deaf {
        coming.tick().await;
        if running.len() >= AT_ONCE
            && let Some(ended) = running.join_next().await
        {
            deaf.push(ended??);
        }
        let (target, seen) = (target.clone(), Arc::clone(seen));
        running.spawn(async move {
            let from = Some(from.address(i));
            let mut socket = Socket::connect_reading(&target, from, RECEIVE_BUFFER).await?;
            socket.login(i, |_| {}).await?;
            seen.lock().stopped.insert(i, Instant::now());
            let page = format!("{{\"userId\":\"{}\",\"limit\":100}}", user(load.deaf));
            for ask in 0..load.asks {
                let event = format!("42{ask}[\"get-old-messages\",{page}]");
                socket.feed(event).await?;
            }
            timeout(Duration::from_secs(10), socket.flush())
                .await
                .context("the server took no questions")??;
            anyhow::Ok(socket)
        });
    }
    while let Some(ended) = running.join_next().await {
        deaf.push(ended??);
    }
    Ok(deaf)
}

/// Notes who goes offline, as the contact of all of them receives it.
async fn watch_them(mut contact: Socket, seen: Arc<Mutex<Seen>>) {
    while let Ok(packet) = contact.next().await {
        let Packet::Event(arguments) = Packet::parse(&packet) else {
            continue;
        };
        let Some(Envelope { kind, rest }) = Envelope::parse(arguments) else {
            continue;
        };
        if kind != "chat-user-status-changed" || !rest.contains("\"status\":\"offline\"") {
            continue;
        }
        let mut seen = seen.lock();
        let who = text_after(rest, "\"_id\":\"").and_then(user_number);
        if let Some(who) = who
            && let Some(stopped) = seen.stopped.get(&who)
        {
            let after = stopped.elapsed();
            seen.cut.entry(who).or_insert(after);
        }
    }
}

fn resident(watched: &Watched) -> Option<f64> {
    let kib = watched.memory()?.resident_kib;
    Some(f64::from(u32::try_from(kib).unwrap_or(u32::MAX)))
}

/// The most that the server has in memory until stopped.
async fn peak(watched: Watched, mut stopped: watch::Receiver<()>) -> Option<f64> {
    let mut most = resident(&watched)?;
    while timeout(LOOK_EVERY, stopped.changed()).await.is_err() {
        most = most.max(resident(&watched).unwrap_or_default());
    }
    Some(most)
}
