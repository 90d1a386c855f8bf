//! A first load: pairs of people, each sender with some messages in flight.
//!
//! `cargo run --release --example load -- ADDR PAIRS IN_FLIGHT SECONDS`
//!
//! Expects users with the ids `64b0000000000000` + eight hex digits (0, 1, 2 …),
//! two a pair. Prints one JSON line: messages a second, latency of the
//! acknowledgement in milliseconds, and what was lost or out of order.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tool that ends when anything is not as expected"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Warm-up before latencies count.
const WARM_UP: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (addr, numbers) = (args[1].clone(), &args[2..5]);
    let numbers: Vec<u64> = numbers.iter().map(|n| n.parse().unwrap()).collect();
    let (pairs, in_flight, seconds) = (numbers[0], numbers[1], numbers[2]);
    let ready = Arc::new(Barrier::new(2 * pairs as usize));
    let done = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    let mut receivers = Vec::new();
    for pair in 0..pairs {
        let (a, b) = (user(2 * pair), user(2 * pair + 1));
        let (addr2, ready2, done2) = (addr.clone(), ready.clone(), done.clone());
        let b2 = b.clone();
        receivers.push(tokio::spawn(async move {
            receive(&addr2, &b2, ready2, done2).await
        }));
        let (addr, ready, done) = (addr.clone(), ready.clone(), done.clone());
        senders.push(tokio::spawn(async move {
            let run = (in_flight as usize, Duration::from_secs(seconds));
            let sent = send(&addr, &a, &b, ready, run).await;
            drop(done);
            sent
        }));
    }
    let mut latencies = Vec::new();
    let mut sent = 0;
    for sender in senders {
        let (count, some) = sender.await.unwrap();
        sent += count;
        latencies.extend(some);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    done.store(true, Ordering::SeqCst);
    let (mut received, mut disorder) = (0, 0);
    for receiver in receivers {
        let (count, inversions) = receiver.await.unwrap();
        received += count;
        disorder += inversions;
    }
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = ((latencies.len() as f64 * share) as usize).min(latencies.len() - 1);
        latencies[index].as_secs_f64() * 1000.0
    };
    println!(
        "{{\"pairs\":{pairs},\"in_flight\":{in_flight},\"per_second\":{:.0},\"p50\":{:.2},\
         \"p99\":{:.2},\"sent\":{sent},\"lost\":{},\"disorder\":{disorder}}}",
        latencies.len() as f64 / seconds as f64,
        at(0.5),
        at(0.99),
        sent - received,
    );
}

fn user(number: u64) -> String {
    format!("64b0000000000000{number:08x}")
}

async fn connect(addr: &str, user: &str) -> Socket {
    let url = format!("ws://{addr}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::text("40")).await.unwrap();
    ask(
        &mut socket,
        900_000_001,
        "connect-user",
        &format!("{{\"userId\":\"{user}\"}}"),
    )
    .await;
    socket
}

/// Emits an event and waits for its acknowledgement.
async fn ask(socket: &mut Socket, id: u64, event: &str, payload: &str) {
    // before the namespace is joined the server closes on events
    loop {
        if id == 900_000_001 && !next(socket).await.starts_with("40") {
            continue;
        }
        break;
    }
    let frame = format!("42{id}[\"{event}\",{payload}]");
    socket.send(Message::text(frame)).await.unwrap();
    let prefix = format!("43{id}");
    while !next(socket).await.starts_with(&prefix) {}
}

async fn next(socket: &mut Socket) -> String {
    loop {
        let text = match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => text.as_str().to_owned(),
            _ => continue,
        };
        if text == "2" {
            socket.send(Message::text("3")).await.unwrap();
            continue;
        }
        return text;
    }
}

async fn send(
    addr: &str,
    me: &str,
    to: &str,
    ready: Arc<Barrier>,
    (in_flight, duration): (usize, Duration),
) -> (usize, Vec<Duration>) {
    let mut socket = connect(addr, me).await;
    ask(
        &mut socket,
        900_000_002,
        "add-chat-user",
        &format!("{{\"userToAdd\":\"{to}\"}}"),
    )
    .await;
    ready.wait().await;
    let started = Instant::now();
    let mut begun: Vec<Instant> = Vec::new();
    let mut latencies = Vec::new();
    let mut answered = 0;
    loop {
        let running = started.elapsed() < WARM_UP + duration;
        while running && begun.len() - answered < in_flight {
            let frame = format!(
                "42{}[\"send-message\",{{\"userId\":\"{to}\",\"message\":\"message number {} of the load\"}}]",
                begun.len(),
                begun.len()
            );
            begun.push(Instant::now());
            socket.send(Message::text(frame)).await.unwrap();
        }
        if answered == begun.len() {
            return (answered, latencies);
        }
        let text = next(&mut socket).await;
        let Some(ack) = text.strip_prefix("43") else {
            continue;
        };
        let (id, body) = ack.split_once('[').unwrap();
        assert!(body.starts_with("null"), "refused: {body}");
        answered += 1;
        let start = begun[id.parse::<usize>().unwrap()];
        if start - started > WARM_UP {
            latencies.push(start.elapsed());
        }
    }
}

async fn receive(
    addr: &str,
    me: &str,
    ready: Arc<Barrier>,
    done: Arc<AtomicBool>,
) -> (usize, usize) {
    let mut socket = connect(addr, me).await;
    ready.wait().await;
    let (mut count, mut inversions, mut last) = (0, 0, 0);
    while !done.load(Ordering::SeqCst) {
        let next = tokio::time::timeout(Duration::from_millis(100), next(&mut socket)).await;
        let Ok(text) = next else { continue };
        if !text.contains("\"new-message\"") {
            continue;
        }
        count += 1;
        let seq = text.split_once("\"seq\":").unwrap().1;
        let end = seq.find(|c: char| !c.is_ascii_digit()).unwrap();
        let seq: u64 = seq[..end].parse().unwrap();
        inversions += usize::from(seq <= last);
        last = seq;
    }
    (count, inversions)
}
