//! How connections end, and who is notified.

use std::io::ErrorKind;

use libtest_mimic::Trial;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::super::{Direction, Flow, Proxy};
use super::{
    Pair, another, carries, is_reset_after, is_silent, nowhere, pattern, read, read_to_end,
};
use crate::support::poll;
use crate::trial::trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_reset_reaches_both_ends_and_not_later_connections", reset),
        trial("a_refusing_link_resets_new_connections_only", refuse),
        trial("a_half_close_ends_one_direction_only", half_close),
        trial(
            "the_end_of_a_stream_passes_and_the_other_goes_on",
            ends_pass,
        ),
        trial("a_cut_lets_exactly_so_many_bytes_pass", cut),
        trial("cuts_are_drawn_from_the_seed", seeds),
        trial("a_reset_of_one_end_is_a_reset_of_the_other", broken),
        trial("a_stalled_connection_can_be_reset", stalled),
        trial("new_connections_go_to_the_new_target", retarget),
        trial("without_a_target_connections_are_reset", unreachable),
        trial(
            "a_dropped_proxy_ends_its_connections_and_frees_its_port",
            dropped,
        ),
    ]
}

/// Checks that a new connection is reset; the client may learn it while it connects.
async fn is_refused_by(proxy: &Proxy) {
    match TcpStream::connect(proxy.addr()).await {
        Ok(mut client) => is_reset_after(&mut client, b"").await,
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

async fn reset() {
    let mut pair = Pair::connect(1).await;
    carries(&mut pair.client, &mut pair.server).await;

    pair.proxy.reset();

    is_reset_after(&mut pair.client, b"").await;
    is_reset_after(&mut pair.server, b"").await;
    assert_eq!(pair.proxy.resets(), 1);
    let (mut client, mut server) = another(&pair.proxy, &pair.listener).await;
    carries(&mut client, &mut server).await;
}

async fn refuse() {
    let mut pair = Pair::connect(2).await;
    pair.proxy.refuse(true);
    is_refused_by(&pair.proxy).await;
    carries(&mut pair.client, &mut pair.server).await;

    pair.proxy.heal();

    let (mut client, mut server) = another(&pair.proxy, &pair.listener).await;
    carries(&mut client, &mut server).await;
}

async fn half_close() {
    let mut pair = Pair::connect(3).await;
    carries(&mut pair.client, &mut pair.server).await;

    pair.proxy.half_close(Direction::Up);

    let (bytes, ended) = read_to_end(&mut pair.server).await;
    assert!(bytes.is_empty() && ended.is_ok(), "{ended:?}");
    pair.client.write_all(b"nobody hears this").await.unwrap();
    pair.server.write_all(b"still here").await.unwrap();
    assert_eq!(read(&mut pair.client, 10).await, b"still here");
    is_silent(&mut pair.client).await;
    // and both ends can end it
    drop(pair.server);
    let (_, ended) = read_to_end(&mut pair.client).await;
    assert!(ended.is_ok(), "{ended:?}");
    drop(pair.client);
    poll::eventually("the connection is over", async || {
        (pair.proxy.open() == 0).then_some(())
    })
    .await;
}

async fn ends_pass() {
    let mut pair = Pair::connect(4).await;
    pair.client.write_all(b"last words").await.unwrap();
    pair.client.shutdown().await.unwrap();
    let (bytes, ended) = read_to_end(&mut pair.server).await;
    assert_eq!(bytes, b"last words");
    ended.unwrap();
    pair.server.write_all(b"answer").await.unwrap();
    pair.server.shutdown().await.unwrap();
    let (bytes, ended) = read_to_end(&mut pair.client).await;
    assert_eq!(bytes, b"answer");
    ended.unwrap();
    poll::eventually("the connection is over", async || {
        (pair.proxy.open() == 0).then_some(())
    })
    .await;
    assert_eq!(pair.proxy.resets(), 0);
}

async fn cut() {
    let mut pair = Pair::connect(5).await;
    carries(&mut pair.client, &mut pair.server).await;

    pair.proxy.cut(Direction::Up, 7..=7);

    pair.server.write_all(b"down is free").await.unwrap();
    assert_eq!(read(&mut pair.client, 12).await, b"down is free");
    pair.client.write_all(b"0123").await.unwrap();
    assert_eq!(read(&mut pair.server, 4).await, b"0123");
    pair.client.write_all(b"456789").await.unwrap();
    is_reset_after(&mut pair.server, b"456").await;
    is_reset_after(&mut pair.client, b"").await;
    assert_eq!(pair.proxy.resets(), 1);
}

async fn seeds() {
    let mut drawn = Vec::new();
    for seed in [11, 11, 12] {
        let mut pair = Pair::connect(seed).await;
        pair.proxy.cut(Direction::Down, 0..=9_999);
        let sent = pattern(10_000);
        // it may be cut before all is written
        let _ = pair.server.write_all(&sent).await;
        let (bytes, ended) = read_to_end(&mut pair.client).await;
        assert!(ended.is_err());
        assert!(sent.starts_with(&bytes), "other bytes arrived");
        drawn.push(bytes.len());
    }
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
}

async fn broken() {
    let mut pair = Pair::connect(6).await;
    carries(&mut pair.client, &mut pair.server).await;
    pair.client.set_zero_linger().unwrap();
    drop(pair.client);
    is_reset_after(&mut pair.server, b"").await;
    assert_eq!(pair.proxy.resets(), 0, "that was not on purpose");
}

async fn stalled() {
    let mut pair = Pair::connect(7).await;
    pair.proxy.flow_both(Flow::Stall);
    pair.client.write_all(b"unread").await.unwrap();
    pair.proxy.reset();
    is_reset_after(&mut pair.client, b"").await;
    is_reset_after(&mut pair.server, b"").await;
}

async fn retarget() {
    let mut pair = Pair::connect(8).await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    pair.proxy.set_target(elsewhere.local_addr().unwrap());
    carries(&mut pair.client, &mut pair.server).await;
    let (mut client, mut server) = another(&pair.proxy, &elsewhere).await;
    carries(&mut client, &mut server).await;
}

async fn unreachable() {
    let proxy = Proxy::start(nowhere().await).unwrap();
    for _ in 0..3 {
        is_refused_by(&proxy).await;
    }
    assert_eq!(proxy.resets(), 0, "that was not on purpose");
}

async fn dropped() {
    let Pair {
        proxy,
        mut client,
        mut server,
        ..
    } = Pair::connect(9).await;
    let port = proxy.addr().port();
    drop(proxy);
    for end in [&mut client, &mut server] {
        let (bytes, _) = read_to_end(end).await;
        assert!(bytes.is_empty());
    }
    let target = nowhere().await;
    let options = super::super::Options {
        port,
        ..Default::default()
    };
    let again = poll::eventually("the port is free", async || {
        Proxy::start_with(target, options).ok()
    })
    .await;
    assert_eq!(again.addr().port(), port);
}
