//! `typing`: announced to the other's sockets, for a moment, and never stored.

use chatzz::clock::Clock;
use chrono::DateTime;
use serde_json::{Value, json};

use super::{assert_names_field, assert_wants_a_contact};
use crate::support::server::Server;
use crate::support::user::code;

/// Milliseconds since 1970.
fn now() -> i64 {
    Clock::System.now().timestamp_millis()
}

/// How many milliseconds after a moment an envelope ends; negative for one that
/// had ended by then.
fn shown_for(envelope: &Value, from: i64) -> i64 {
    let until = envelope["until"].as_str().expect("a date");
    let until = DateTime::parse_from_rfc3339(until).unwrap();
    until.timestamp_millis() - from
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sockets_of_the_other_see_it_and_nobody_else_does() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (alice_too, bob_too) = (
        server.another_of(&alice).await,
        server.another_of(&bob).await,
    );
    let carol = server.person("carol").await;
    carol.add(&alice.id).await.unwrap();
    for alice in [&alice, &alice_too] {
        alice.client.wait_for("chat-user-added").await;
    }
    let contact = alice.add(&bob.id).await.unwrap();
    let before = now();

    let answer = alice.types_to(&bob.id).await.unwrap();

    assert_eq!(answer, json!({}));
    for bob in [&bob, &bob_too] {
        let typing = bob.client.expect_envelope("user-typing").await;
        assert_eq!(
            typing["user"],
            json!({ "_id": alice.id, "username": "alice" })
        );
        assert_eq!(typing["chatRoomId"], contact["chatRoomId"]);
        let (shown, since) = (shown_for(&typing, before), now() - before);
        assert!((6_000..=6_000 + since).contains(&shown), "{shown}");
    }
    for other in [&alice, &alice_too, &carol] {
        other.client.assert_silent_for_roundtrip().await;
    }
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_stopped_is_shown_no_longer() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;

    let stopped = json!({ "userId": bob.id, "typing": false });
    alice.ask("typing", stopped).await.unwrap();

    let typing = bob.client.expect_envelope("user-typing").await;
    assert!(shown_for(&typing, now()) <= 0, "{typing}");
    let started = json!({ "userId": bob.id, "typing": true });
    alice.ask("typing", started).await.unwrap();
    let typing = bob.client.expect_envelope("user-typing").await;
    assert!(shown_for(&typing, now()) > 0, "{typing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_blocked_the_other_nobody_is_notified_and_the_answer_is_the_same() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.ask("block-user", json!({ "userId": alice.id }))
        .await
        .unwrap();
    alice.client.drain();

    for (person, other) in [(&alice, &bob), (&bob, &alice)] {
        assert_eq!(person.types_to(&other.id).await.unwrap(), json!({}));
        other.client.assert_silent_for_roundtrip().await;
    }

    bob.ask("unblock-user", json!({ "userId": alice.id }))
        .await
        .unwrap();
    alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    alice.types_to(&bob.id).await.unwrap();
    bob.client.expect_envelope("user-typing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_on_the_whitelist_types_to_nobody() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let only = json!({ "whitelistOnly": true });
    bob.ask("set-privacy", only).await.unwrap();

    assert_eq!(alice.types_to(&bob.id).await.unwrap(), json!({}));
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_hears_of_none_that_came_before_it_was_out() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    let bob = server.socket_of(&bob).await;
    let login = bob
        .client
        .emit_ack_pipelined("connect-user", json!({ "userId": bob.id }));
    for _ in 0..50 {
        alice.types_to(&bob.id).await.unwrap();
    }
    login.await.unwrap();

    alice.types_to(&bob.id).await.unwrap();

    let first = bob.client.next_envelope().await;
    assert_eq!(first.kind, "user-details");
    bob.client.expect_envelope("user-typing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_needs_a_contact_and_a_sensible_payload() {
    assert_wants_a_contact("typing", json!({})).await;
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let odd = json!({ "userId": bob.id, "typing": "yes" });
    assert_names_field(&alice, "typing", "typing", odd).await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_has_a_limit_of_its_own() {
    let keys = [
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_TYPING", "socket=2/1h"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair().await;
    for _ in 0..2 {
        alice.types_to(&bob.id).await.unwrap();
    }
    assert_eq!(code(alice.types_to(&bob.id).await), "rate-limited");
    alice.send(&bob.id, "that is another matter").await.unwrap();
}
