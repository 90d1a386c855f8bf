//! Playing one row.

use std::collections::BTreeSet;

use serde_json::Value;

use super::raw;
use super::row::{Fate, Handshake, Http, Row, filled};
use super::world::World;
use crate::support::frame::{Client, ConnectError, ConnectOptions, Eio, PATIENCE, Transport};
use crate::support::http;
use crate::support::user::{Person, outcome};

/// Plays a row, on the connection that the row before left if it can be had;
/// the connection that this one leaves.
pub(super) async fn row(
    world: &World,
    wire: (Eio, Transport),
    row: &Row,
    kept: Option<Person>,
) -> Option<Person> {
    let what = format!("{} over {wire:?}", row.id);
    let mut left = None;
    if let Some(Handshake { headers }) = &row.handshake {
        let mut options = ConnectOptions::new(world.server.addr()).over(wire);
        options.headers = headers.clone().into_iter().collect();
        let (said, fate) = match Client::connect(options).await {
            Ok(_) => ("ok".to_owned(), Fate::Kept),
            Err(ConnectError::Http { status, .. }) => (status.to_string(), Fate::Closed),
            Err(ConnectError::Refused { message }) => (message, Fate::Closed),
            Err(other) => panic!("{what}: {other}"),
        };
        assert_eq!((said, fate), (row.expect.clone(), row.socket), "{what}");
    } else if let Some(Http { method, target }) = &row.http {
        let eio = if wire.0 == Eio::V4 { "4" } else { "3" };
        let mut names = world.names.clone();
        names.insert("eio", eio.to_owned());
        let target = filled(target, &names);
        let answer = http::request(world.server.addr(), method, &target, &[]).await;
        assert_eq!(answer.status.to_string(), row.expect, "{what}: {answer:?}");
    } else if let Some(post) = &row.post {
        let (eio, pings) = match wire.0 {
            Eio::V4 => (4, "3\u{1e}".repeat(10_000)),
            Eio::V3 => (3, "1:2".repeat(10_000)),
        };
        let mut names = world.names.clone();
        names.insert("pings", pings);
        let body = filled(&post.body, &names);
        let (status, fate) = raw::post_to_session(world.server.addr(), eio, &body, post).await;
        assert_eq!((status, fate), (row.expect.clone(), row.socket), "{what}");
    } else if let Some(bytes) = &row.bytes {
        let bytes = hex::decode(bytes).expect("hex");
        let closed = raw::after_upgrade(world.server.addr(), wire.0, &bytes).await;
        assert!(closed && row.expect == "none", "{what}: it is still open");
        assert_eq!(row.socket, Fate::Closed, "{what}");
    } else {
        let usable = kept.filter(|_| row.login && row.times.is_none());
        let alice = match usable {
            Some(alice) => alice,
            None => world.alice(wire, row.login).await,
        };
        said(world, row, &alice, &what).await;
        if row.socket == Fate::Kept {
            if row.expect == "none" {
                alice.client.assert_silent_for_roundtrip().await;
            }
            world.assert_works(&alice, row.login, &what).await;
            alice.client.drain();
            left = Some(alice).filter(|_| row.login);
        } else {
            let closed = alice.client.closed(PATIENCE).await;
            closed.unwrap_or_else(|silence| panic!("{what}: {silence}"));
        }
    }
    world.assert_unharmed(&what).await;
    left
}

/// Sends the packet of a row, and looks at what is answered.
async fn said(world: &World, row: &Row, alice: &Person, what: &str) {
    let frame = row.frame.as_deref().expect("it is a packet");
    if row.expect == "none" {
        alice.client.emit_raw(filled(frame, &world.names)).unwrap();
        return;
    }
    let mut answers = Vec::new();
    for _ in 0..row.times.unwrap_or(1) {
        let Ok((id, ack)) = alice.client.reserve_ack() else {
            break;
        };
        let mut names = world.names.clone();
        names.insert("ack", id.to_string());
        let sent = alice.client.emit_raw(filled(frame, &names));
        if sent.is_ok() && frame.contains("<ack>") {
            answers.push(ack);
        }
    }
    let mut codes = BTreeSet::new();
    for answer in answers {
        match outcome(answer.await) {
            Ok(_) => codes.insert("ok".to_owned()),
            Err(error) => codes.insert(text(&error["code"])),
        };
    }
    if !frame.contains("<ack>") {
        let error = alice.client.expect_envelope("error").await;
        codes.insert(text(&error["code"]));
    }
    if row.times.is_some() {
        // before it there may be others, and after the end there is none
        assert!(codes.contains(&row.expect), "{what}: {codes:?}");
    } else {
        assert_eq!(codes, BTreeSet::from([row.expect.clone()]), "{what}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a code").to_owned()
}
