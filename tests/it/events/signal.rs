//! `signal`: from front end to front end, never stored.

use serde_json::json;

use super::{assert_names_field, assert_wants_a_contact};
use crate::support::server::Server;
use crate::support::user::{code, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn all_sockets_of_the_other_get_it_as_it_is_and_nothing_is_stored() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (alice_too, bob_too) = (
        server.another_of(&alice).await,
        server.another_of(&bob).await,
    );
    for data in [
        json!({ "call": { "sdp": "v=0\r\n", "n": [1, 2.5, null] } }),
        json!(null),
        json!("ü😀"),
        json!(false),
    ] {
        let answer = alice.signal(&bob.id, data.clone()).await.unwrap();

        assert_eq!(answer, json!({ "online": true }));
        for bob in [&bob, &bob_too] {
            let signal = bob.client.expect_envelope("user-signal").await;
            assert_eq!(signal, json!({ "userId": alice.id, "data": data }));
        }
    }
    for alice in [&alice, &alice_too] {
        alice.client.assert_silent_for_roundtrip().await;
    }
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_notified_later() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;

    let answer = alice.signal(&bob, json!(1)).await.unwrap();

    assert_eq!(answer, json!({ "online": false }));
    let (bob, details) = server.arrive(&bob).await;
    assert_eq!(details["missedMessages"], json!({}));
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_of_whom_one_blocked_the_other_there_are_none_online_or_not() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.ask("block-user", json!({ "userId": alice.id }))
        .await
        .unwrap();
    alice.client.drain();

    let while_here = alice.signal(&bob.id, json!(1)).await.unwrap_err();
    assert_eq!(code(bob.signal(&alice.id, json!(1)).await), "blocked");
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
    bob.client.close().await;
    let while_away = alice.signal(&bob.id, json!(1)).await.unwrap_err();

    assert_eq!(while_here["code"], "blocked");
    assert_eq!(while_here, while_away, "it tells who is here");
    let sent = alice.send(&bob.id, "x").await.unwrap_err();
    assert_eq!(while_here, sent, "it tells more than a message");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_on_the_whitelist_signals_to_nobody() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let only = json!({ "whitelistOnly": true });
    bob.ask("set-privacy", only).await.unwrap();

    assert_eq!(code(alice.signal(&bob.id, json!(1)).await), "blocked");
    bob.client.assert_silent_for_roundtrip().await;
    alice.client.drain();
    bob.signal(&alice.id, json!(2)).await.unwrap();
    alice.client.expect_envelope("user-signal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_needs_a_contact_and_small_data() {
    assert_wants_a_contact("signal", json!({ "data": 1 })).await;
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let with = |bytes: usize| json!("x".repeat(bytes - 2));
    alice.signal(&bob.id, with(4_096)).await.unwrap();
    bob.client.expect_envelope("user-signal").await;
    let large = json!({ "userId": bob.id, "data": with(4_097) });
    assert_names_field(&alice, "signal", "data", large).await;
    let without = json!({ "userId": bob.id });
    assert_names_field(&alice, "signal", "data", without).await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_have_a_limit_of_their_own() {
    let keys = [
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_SIGNALS", "socket=2/1h"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair().await;
    for n in 0..2 {
        alice.signal(&bob.id, json!(n)).await.unwrap();
    }
    assert_eq!(code(alice.signal(&bob.id, json!(2)).await), "rate-limited");
    alice.send(&bob.id, "that is another matter").await.unwrap();
}

/// Far more than the buffers of the system and an outbox take.
const FLOOD: usize = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reads_nothing_is_not_cut_for_what_is_not_stored() {
    let server = Server::with(&[
        ("CHATZZ_STALL_TIMEOUT", "5m"),
        ("CHATZZ_PING_INTERVAL", "5m"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    bob.client.go_silent();
    let payload = json!({ "userId": bob.id, "data": "x".repeat(4_000) });
    let typing = json!({ "userId": bob.id });
    let (mut sent, mut dropped) = (0, 0);
    while dropped < 500 {
        assert!(sent < FLOOD, "none is dropped");
        let signals = (0..100).map(|_| alice.client.emit_ack_pipelined("signal", &payload));
        let answers = futures::future::join_all(signals).await;
        for answer in answers {
            sent += 4_000;
            dropped += usize::from(outcome(answer).unwrap()["online"] == false);
        }
        alice.ask("typing", typing.clone()).await.unwrap();
    }

    // it is still there: a message finds a socket, and nobody was notified of an end
    let message = alice.send(&bob.id, "are you there?").await.unwrap();
    assert_eq!(message["status"], "sent");
    alice.client.expect_envelope("new-message").await;
    alice.client.assert_silent_for_roundtrip().await;
}
