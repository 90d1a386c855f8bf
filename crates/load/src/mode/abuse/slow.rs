//! `slow`: heads that never end and connections that send nothing, while an honest client connects.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{From, compared};
use crate::measure::{Latency, Measured, Report, Stage};
use crate::mode::Common;
use crate::wire::Socket;

/// Slow and idle connections; how long an honest connect takes without and with them
///
/// Both ends need that many open files: `ulimit -n 20000`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    load: Load,
}

/// How many there are.
#[derive(Args, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// Connections that send one byte of a head a second, and come again when cut off
    #[arg(long, default_value_t = 1_000)]
    slow: u32,
    /// Connections that send nothing, and come again when cut off
    #[arg(long, default_value_t = 5_000)]
    idle: u32,
    /// Milliseconds between two honest connects; the default limits let 20 a second pass
    #[arg(long, default_value_t = 100)]
    pause: u64,
}

/// Pause after a refusal.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, from, load } = options;
    let stage = Stage::new("slow");
    let (_, without) = connects(&stage, &common, load).await?;
    let open = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    for i in 0..load.slow + load.idle {
        let (addr, open) = (common.target.addr, Arc::clone(&open));
        crowd.spawn(async move {
            loop {
                // refused or cut off, it comes again
                let _ = misbehave(addr, from, i, i < load.slow, &open).await;
                sleep(PAUSE).await;
            }
        });
    }
    let wanted = u64::from(load.slow + load.idle);
    for _ in 0..30 {
        if open.load(Relaxed) >= wanted {
            break;
        }
        stage.say(&format!("{} of {wanted}", open.load(Relaxed)));
        sleep(PAUSE).await;
    }
    let there = open.load(Relaxed);
    let (measured, with) = connects(&stage, &common, load).await?;
    crowd.abort_all();
    let parameters = crate::mode::parameters(&load)?;
    let mut report = compared("slow", parameters, &without, (measured, &with));
    #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
    report.figure("openAtBegin", there as f64);
    Ok(report)
}

/// Connects one honest client after the other, through one window.
async fn connects(
    stage: &Stage,
    common: &Common,
    load: Load,
) -> anyhow::Result<(Measured, Latency)> {
    stage.begin(common.window);
    let work = async {
        let mut latency = Latency::default();
        while stage.is_open() {
            let at = stage.now();
            let socket = Socket::connect(&common.target, None).await?;
            if stage.counts(at) {
                latency.add(stage.now() - at);
                stage.done();
            }
            socket.close().await?;
            sleep(Duration::from_millis(load.pause)).await;
        }
        anyhow::Ok(latency)
    };
    let (measured, latency) = tokio::join!(stage.run(&common.watched), work);
    Ok((measured, latency?))
}

/// One connection until it is cut off.
async fn misbehave(
    addr: SocketAddr,
    from: From,
    i: u32,
    is_slow: bool,
    open: &AtomicU64,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from.address(i), 0).into())?;
    let mut stream = socket.connect(addr).await?;
    open.fetch_add(1, Relaxed);
    let ended = drip(&mut stream, is_slow).await;
    open.fetch_sub(1, Relaxed);
    ended
}

async fn drip(stream: &mut TcpStream, is_slow: bool) -> std::io::Result<()> {
    let head = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\nx: ";
    let mut bytes = head.iter().copied().chain(std::iter::repeat(b'x'));
    let mut answer = [0; 512];
    loop {
        let pause = sleep(Duration::from_secs(1));
        tokio::select! {
            read = stream.read(&mut answer) => if read? == 0 { return Ok(()) },
            () = pause => if is_slow {
                stream.write_all(&[bytes.next().unwrap_or(b'x')]).await?;
            },
        }
    }
}
