//! Pairs of honest people who write at a steady pace.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::measure::{Latency, Measured, Stage, Watched, Window};
use crate::wire::{Socket, Target, user};

/// Who writes in the meantime, and how much.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Honest {
    /// Pairs of honest people
    #[arg(long, default_value_t = 20)]
    pub(crate) pairs: u32,
    /// Messages a second of each pair; the default limits let ten pass
    #[arg(long, default_value_t = 5.0)]
    pub(crate) pace: f64,
    /// Number of the first honest user
    #[arg(long = "first-honest", default_value_t = 10_000)]
    pub(crate) first: u32,
}

/// Honest people who are logged in.
pub(crate) struct Pairs {
    stage: Arc<Stage>,
    target: Target,
    honest: Honest,
    watched: Watched,
}

impl Pairs {
    pub(crate) fn new(
        stage: &Arc<Stage>,
        target: &Target,
        honest: Honest,
        watched: Watched,
    ) -> Self {
        Self {
            stage: Arc::clone(stage),
            target: target.clone(),
            honest,
            watched,
        }
    }

    /// Lets all pairs write through one window; returns how long their acks took, from
    /// when they were due.
    pub(crate) async fn write(&self, window: Window) -> anyhow::Result<(Measured, Latency)> {
        let mut pairs = Vec::new();
        for pair in 0..self.honest.pairs {
            let first = self.honest.first + 2 * pair;
            let mut writer = Socket::connect(&self.target, None).await?;
            writer.login(first, |_| {}).await?;
            let reader = Socket::connect(&self.target, None).await?;
            let (announced, done) = oneshot::channel::<()>();
            tokio::spawn(read(reader, first + 1, done));
            let contact = format!("{{\"userToAdd\":\"{}\"}}", user(first + 1));
            writer.call("add-chat-user", &contact, |_| {}).await?;
            pairs.push((writer, first + 1, announced));
        }
        self.stage.begin(window);
        let mut running = tokio::task::JoinSet::new();
        for (writer, to, announced) in pairs {
            let stage = Arc::clone(&self.stage);
            let pause = Duration::from_secs_f64(1.0 / self.honest.pace.max(0.001));
            running.spawn(async move {
                let written = write(&stage, writer, to, pause).await;
                drop(announced);
                written
            });
        }
        let measured = self.stage.run(&self.watched).await;
        let mut latency = Latency::default();
        while let Some(written) = running.join_next().await {
            latency.merge(&written??);
        }
        Ok((measured, latency))
    }
}

async fn write(
    stage: &Stage,
    mut writer: Socket,
    to: u32,
    pause: Duration,
) -> anyhow::Result<Latency> {
    let mut latency = Latency::default();
    let mut ticks = interval(pause);
    // everything that a stall delayed counts as late
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let message = format!("{{\"userId\":\"{}\",\"message\":\"hello\"}}", user(to));
    while stage.is_open() {
        let due = ticks.tick().await;
        let at = stage.now();
        writer.call("send-message", &message, |_| {}).await?;
        if stage.counts(at) {
            let took = Instant::now().duration_since(due).as_micros();
            latency.add(u64::try_from(took)?);
            stage.done();
        }
    }
    writer.close().await?;
    Ok(latency)
}

/// Logs in and reads until asked to leave.
async fn read(mut reader: Socket, person: u32, mut done: oneshot::Receiver<()>) {
    if reader.login(person, |_| {}).await.is_err() {
        return; // the sender notices it
    }
    loop {
        tokio::select! {
            _ = &mut done => break,
            packet = reader.next() => if packet.is_err() { return },
        }
    }
    let _ = reader.close().await;
}
