//! `connect`: many sockets at once, held, and what each costs the server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Common;
use crate::measure::{Checks, Latency, Measured, Memory, Report, Stage, Watched};
use crate::wire::{Socket, Target};

/// Many sockets at once: connects, then logs in, holds, and ends them
///
/// `--warm-up` and `--seconds` mean nothing here.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// What is connected.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// How many sockets
    #[arg(long, default_value_t = 1_000)]
    sockets: u32,
    /// How many are being connected, or logged in, at the same time
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// Connect at most so many a second
    #[arg(long)]
    ramp: Option<f64>,
    /// Connect from so many loopback addresses, 127.0.0.1 and on; each has about 28,000 ports
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=250))]
    sources: u8,
    /// Log each in, as a user of its own
    #[arg(long)]
    login: bool,
    /// Seconds to hold them before memory is read
    #[arg(long, default_value_t = 5.0)]
    hold: f64,
    /// Seconds after the end before memory is read once more
    #[arg(long, default_value_t = 3.0)]
    settle: f64,
    /// Number of the first user
    #[arg(long, default_value_t = 0)]
    first_user: u32,
}

/// What all sockets are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Connect,
    Login,
    End,
}

/// What a socket reports: a step done in so many microseconds, or why not.
type Step = Result<u64, String>;

struct Crowd {
    stage: Arc<Stage>,
    target: Target,
    load: Load,
    phase: watch::Receiver<Phase>,
    steps: mpsc::UnboundedSender<Step>,
    gate: Semaphore,
    began: Instant,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    let parameters = super::parameters(&load)?;
    let stage = Stage::new("connect");
    let (phase, phases) = watch::channel(Phase::Connect);
    let (steps, mut done) = mpsc::unbounded_channel();
    let watched = common.watched;
    let sockets = load.sockets;
    let crowd = Arc::new(Crowd {
        stage: Arc::clone(&stage),
        target: common.target,
        gate: Semaphore::new(load.at_once),
        load,
        phase: phases,
        steps,
        began: Instant::now(),
    });
    let mut memory = vec![("before", watched.memory())];
    let mut tasks = JoinSet::new();
    for i in 0..sockets {
        let crowd = Arc::clone(&crowd);
        tasks.spawn(async move { crowd.socket(i).await });
    }
    let mut checks = Checks::default();
    let connected = step(&stage, &mut done, sockets, &watched, &mut checks).await;
    sleep(Duration::from_secs(1)).await;
    memory.push(("connected", watched.memory()));
    let mut logged_in = None;
    let alive = sockets - u32::try_from(checks.errors)?;
    if crowd.load.login {
        phase.send_replace(Phase::Login);
        logged_in = Some(step(&stage, &mut done, alive, &watched, &mut checks).await);
    }
    stage.say("holding");
    sleep(Duration::from_secs_f64(crowd.load.hold)).await;
    memory.push(("held", watched.memory()));
    phase.send_replace(Phase::End);
    while let Some(ended) = tasks.join_next().await {
        // a socket that the server ended while it was held
        checks.errors += u64::from(!ended?);
    }
    sleep(Duration::from_secs_f64(crowd.load.settle)).await;
    memory.push(("after", watched.memory()));

    let (measured, latency) = connected;
    let mut report = Report::new("connect", parameters, measured, latency.count(), &latency);
    report.checks = checks;
    if let Some((measured, latency)) = logged_in {
        report.also("login", &latency);
        #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
        report.figure("loginPerSecond", latency.count() as f64 / measured.seconds);
    }
    tell_memory(&mut report, &memory, sockets);
    Ok(report)
}

/// Waits until each of `count` sockets has done its step.
async fn step(
    stage: &Stage,
    done: &mut mpsc::UnboundedReceiver<Step>,
    count: u32,
    watched: &Watched,
    checks: &mut Checks,
) -> (Measured, Latency) {
    let (began, before) = (Instant::now(), watched.cpu());
    let mut latency = Latency::default();
    let mut announced = Instant::now();
    for i in 0..count {
        match done.recv().await {
            Some(Ok(micros)) => latency.add(micros),
            Some(Err(why)) => {
                if checks.errors == 0 {
                    stage.say(&format!("the first failure: {why}\n"));
                }
                checks.errors += 1;
            }
            None => break,
        }
        if announced.elapsed() >= Duration::from_secs(1) {
            stage.say(&format!("{} of {count}", i + 1));
            announced = Instant::now();
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = watched.cpu().since(&before);
    (Measured { seconds, cpu }, latency)
}

/// Adds each reading, and what each socket took more than before.
fn tell_memory(report: &mut Report, memory: &[(&str, Option<Memory>)], sockets: u32) {
    let kib = |kib: u64| f64::from(u32::try_from(kib).unwrap_or(u32::MAX));
    let before = memory.first().and_then(|(_, memory)| *memory);
    for (name, memory) in memory {
        let (Some(memory), Some(before)) = (memory, before) else {
            continue;
        };
        report.figure(&format!("{name}ResidentKib"), kib(memory.resident_kib));
        report.figure(&format!("{name}PrivateKib"), kib(memory.private_kib));
        if matches!(*name, "connected" | "held") {
            let more = kib(memory.resident_kib) - kib(before.resident_kib);
            report.figure(&format!("{name}KibEach"), more / f64::from(sockets.max(1)));
        }
    }
}

impl Crowd {
    /// One socket from its beginning to its end; false if it did not last.
    async fn socket(&self, i: u32) -> bool {
        let Some(mut socket) = self.connected(i).await else {
            return true; // reported already
        };
        let mut phase = self.phase.clone();
        let mut logged_in = false;
        loop {
            let now = *phase.borrow_and_update();
            match now {
                Phase::Login if !logged_in => {
                    logged_in = true;
                    if !self.log_in(&mut socket, i).await {
                        return true; // reported already
                    }
                }
                Phase::End => return socket.close().await.is_ok(),
                _ => {}
            }
            tokio::select! {
                packet = socket.next() => if packet.is_err() {
                    return false;
                },
                changed = phase.changed() => if changed.is_err() {
                    return false;
                },
            }
        }
    }

    async fn connected(&self, i: u32) -> Option<Socket> {
        if let Some(rate) = self.load.ramp {
            sleep_until(self.began + Duration::from_secs_f64(f64::from(i) / rate)).await;
        }
        let _turn = self.gate.acquire().await.ok()?;
        let last = 1 + u8::try_from(i % u32::from(self.load.sources)).ok()?;
        let from = (self.load.sources > 1).then(|| Ipv4Addr::new(127, 0, 0, last));
        let began = self.stage.now();
        let connected = Socket::connect(&self.target, from).await;
        self.tell(began, connected)
    }

    async fn log_in(&self, socket: &mut Socket, i: u32) -> bool {
        let Ok(_turn) = self.gate.acquire().await else {
            return false;
        };
        let began = self.stage.now();
        let done = socket.login(self.load.first_user + i, |_| {}).await;
        self.tell(began, done).is_some()
    }

    fn tell<T>(&self, began: u64, done: anyhow::Result<T>) -> Option<T> {
        let (step, value) = match done {
            Ok(value) => (Ok(self.stage.now() - began), Some(value)),
            Err(error) => (Err(format!("{error:#}")), None),
        };
        // nobody listens any more only when the run has failed
        let _ = self.steps.send(step);
        value
    }
}
