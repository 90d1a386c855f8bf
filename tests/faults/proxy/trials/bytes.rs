//! Flows: what happens to bytes.

use std::time::Duration;

use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::super::{Direction, Flow};
use super::{PATIENCE, Pair, carries, is_reset_after, is_silent, pattern, read};
use crate::trial::trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_megabyte_passes_unchanged_both_ways", passes),
        trial("delayed_bytes_come_late_and_in_order", delay),
        trial("delayed_bytes_come_at_once_when_the_delay_ends", hurry),
        trial("a_throttled_direction_takes_its_time", throttle),
        trial("slices_arrive_in_many_reads_and_unchanged", slices),
        trial("a_stall_piles_up_at_the_sender_and_loses_nothing", stall),
        trial("a_black_hole_swallows_one_direction_then_resets", blackhole),
    ]
}

async fn passes() {
    let mut pair = Pair::connect(1).await;
    let sent = pattern(1_000_000);
    for _ in 0..2 {
        let (got, written) = tokio::join!(
            read(&mut pair.server, sent.len()),
            pair.client.write_all(&sent)
        );
        written.unwrap();
        assert!(got == sent, "other bytes arrived");
        std::mem::swap(&mut pair.client, &mut pair.server);
    }
    assert_eq!((pair.proxy.accepted(), pair.proxy.open()), (1, 1));
    assert_eq!(pair.proxy.resets(), 0);
}

async fn delay() {
    let mut pair = Pair::connect(2).await;
    let by = Duration::from_millis(200);
    let jitter = Duration::from_millis(100);
    pair.proxy.flow(Direction::Up, Flow::Delay { by, jitter });
    let began = Instant::now();
    for byte in 0..10 {
        pair.client.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let first = read(&mut pair.server, 1).await;
    assert!(began.elapsed() >= by, "{:?}", began.elapsed());
    assert_eq!(first, [0]);
    assert_eq!(read(&mut pair.server, 9).await, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

async fn hurry() {
    let mut pair = Pair::connect(3).await;
    let by = Duration::from_hours(1);
    let jitter = Duration::ZERO;
    pair.proxy.flow_both(Flow::Delay { by, jitter });
    pair.client.write_all(b"late").await.unwrap();
    is_silent(&mut pair.server).await;
    pair.proxy.heal();
    assert_eq!(read(&mut pair.server, 4).await, b"late");
    carries(&mut pair.client, &mut pair.server).await;
}

async fn throttle() {
    let mut pair = Pair::connect(4).await;
    pair.proxy.flow(Direction::Down, Flow::Throttle(20_000));
    let sent = pattern(20_000);
    let began = Instant::now();
    pair.server.write_all(&sent).await.unwrap();
    assert!(read(&mut pair.client, sent.len()).await == sent);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(950), "{took:?}");
}

async fn slices() {
    let mut pair = Pair::connect(5).await;
    pair.proxy.flow_both(Flow::Slices);
    let sent = pattern(5_000);
    pair.client.write_all(&sent).await.unwrap();
    let (mut got, mut reads) = (Vec::new(), 0);
    while got.len() < sent.len() {
        let reading = pair.server.read_buf(&mut got);
        timeout(PATIENCE, reading).await.unwrap().unwrap();
        reads += 1;
    }
    assert!(got == sent, "other bytes arrived");
    // How many the kernel puts together depends on who runs when.
    assert!(reads > 1, "all bytes came at once");
}

async fn stall() {
    let mut pair = Pair::connect(6).await;
    pair.proxy.flow_both(Flow::Stall);
    let chunk = pattern(64 * 1024);
    let mut sent = 0;
    // The buffers of the sender and of the proxy's socket, which the kernel lets grow to megabytes.
    while let Ok(written) = timeout(super::QUIET, pair.client.write(&chunk[sent % 251..])).await {
        sent += written.unwrap();
        assert!(sent < 64 << 20, "nothing piles up");
    }
    is_silent(&mut pair.server).await;

    pair.proxy.heal();

    let got = read(&mut pair.server, sent).await;
    assert!(got == pattern(sent), "other bytes arrived");
    carries(&mut pair.client, &mut pair.server).await;
}

async fn blackhole() {
    let mut pair = Pair::connect(7).await;
    pair.proxy.flow(Direction::Up, Flow::Blackhole);
    pair.client.write_all(b"into the dark").await.unwrap();
    is_silent(&mut pair.server).await;
    pair.server.write_all(b"down").await.unwrap();
    assert_eq!(read(&mut pair.client, 4).await, b"down");
    let mut newcomer = tokio::net::TcpStream::connect(pair.proxy.addr())
        .await
        .unwrap();
    newcomer.write_all(b"hello?").await.unwrap();
    is_silent(&mut newcomer).await;
    let nobody = timeout(super::QUIET, pair.listener.accept()).await;
    assert!(nobody.is_err(), "the target was asked");

    pair.proxy.heal();

    is_reset_after(&mut newcomer, b"").await;
    is_reset_after(&mut pair.client, b"").await;
    is_reset_after(&mut pair.server, b"").await;
    assert_eq!(pair.proxy.resets(), 2);
}
