//! `flood`: one socket sends far too much; others write as before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};

use super::honest::Pairs;
use super::{From, Honest, compared};
use crate::measure::{Report, Stage};
use crate::mode::Common;
use crate::wire::{Socket, Target, user};

/// One socket floods; the latency of others without and with it
///
/// `seed --users 10100` stores the users.
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

/// How it floods.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// Events a second of the flooder, who connects again when cut off
    #[arg(long, default_value_t = 5_000)]
    events: u32,
    /// Number of the flooding user
    #[arg(long, default_value_t = 0)]
    flooder: u32,
}

/// Events that are written before the clock is read again.
const BURST: u32 = 50;
/// Pause of a flooder who is refused.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options {
        common,
        honest,
        from,
        load,
    } = options;
    let stage = Stage::new("flood");
    let pairs = Pairs::new(&stage, &common.target, honest, common.watched);
    let (_, without) = pairs.write(common.window).await?;
    let sent = Arc::new(AtomicU64::new(0));
    let cut = Arc::new(AtomicU64::new(0));
    let counts = (Arc::clone(&sent), Arc::clone(&cut));
    let flooding = tokio::spawn(flood(common.target.clone(), from, load, counts));
    let with = pairs.write(common.window).await;
    flooding.abort();
    let (measured, latency) = with?;
    let parameters = crate::mode::parameters(&(honest, load))?;
    let mut report = compared("flood", parameters, &without, (measured, &latency));
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    {
        report.figure("flooded", sent.load(Relaxed) as f64);
        report.figure("cutOff", cut.load(Relaxed) as f64);
    }
    Ok(report)
}

async fn flood(target: Target, from: From, load: Load, (sent, cut): (Counter, Counter)) {
    let event = format!(
        "[\"send-message\",{{\"userId\":\"{}\",\"message\":\"flood\"}}]",
        user(load.flooder + 1)
    );
    loop {
        let Ok(mut socket) = Socket::connect(&target, Some(from.address(0))).await else {
            sleep(PAUSE).await;
            continue;
        };
        // refused or not, it floods
        let _ = socket.login(load.flooder, |_| {}).await;
        let began = Instant::now();
        let mut written = 0;
        while burst(&mut socket, &event, &mut written).await.is_ok() {
            sent.fetch_add(u64::from(BURST), Relaxed);
            let due = f64::from(written) / f64::from(load.events.max(1));
            sleep_until(began + Duration::from_secs_f64(due)).await;
        }
        cut.fetch_add(1, Relaxed);
    }
}

type Counter = Arc<AtomicU64>;

async fn burst(socket: &mut Socket, event: &str, written: &mut u32) -> anyhow::Result<()> {
    for _ in 0..BURST {
        *written += 1;
        socket.feed(format!("42{written}{event}")).await?;
    }
    socket.flush().await?;
    while socket.next_if_there().await?.is_some() {}
    Ok(())
}
