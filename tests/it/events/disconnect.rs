//! `disconnect`: the bare event logs out and closes; so does closing.

use bson::doc;
use serde_json::json;

use crate::support::frame::{AckError, PATIENCE};
use crate::support::server::Server;
use crate::support::user::Person;

/// So long that whatever is announced in time was announced at once.
const LONG_GRACE: (&str, &str) = ("CHATZZ_OFFLINE_GRACE", "60s");

async fn assert_hears_leave(watcher: &Person, who: &Person) {
    let announced = watcher.client.expect_envelope("chat-user-status-changed");
    let announced = announced.await;
    assert_eq!(announced["user"]["_id"], who.id);
    assert_eq!(announced["status"], "offline");
    assert!(announced["lastOnline"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bare_event_logs_out_and_closes_the_connection() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, bob) = server.pair().await;
    bob.client.emit_bare("disconnect").unwrap();
    bob.client.closed(PATIENCE).await.unwrap();
    assert_hears_leave(&alice, &bob).await;
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_with_the_event_does_not_matter() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, mut bob) = server.pair().await;
    for payload in [json!(null), json!({ "$ne": 1 }), json!([1]), json!("bye")] {
        bob.client.emit("disconnect", payload).unwrap();
        bob.client.closed(PATIENCE).await.unwrap();
        assert_hears_leave(&alice, &bob).await;
        (bob, _) = server.arrive(&bob.id).await;
        alice.client.wait_for("chat-user-status-changed").await;
    }
    // with an ack callback: the end of the connection is the answer
    let ack = bob.client.emit_with_ack("disconnect", json!({}));
    assert!(matches!(ack.await, Err(AckError::Closed(_))));
    assert_hears_leave(&alice, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_socket_does_the_same() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, bob) = server.pair().await;
    bob.client.close().await;
    assert_hears_leave(&alice, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_never_logged_in_leaves_quietly() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let client = server.client().await;
    client.emit_bare("disconnect").unwrap();
    client.closed(PATIENCE).await.unwrap();
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_it_still_takes_effect() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let payload = json!({ "userId": alice.id, "message": "goodbye" });
    bob.client.emit("send-message", payload).unwrap();
    bob.client.emit_bare("disconnect").unwrap();
    let got = alice.client.wait_for("new-message").await;
    assert_eq!(got["message"], "goodbye");
    bob.client.closed(PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_it_takes_no_effect() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, bob) = server.pair().await;
    let payload = |text| json!({ "userId": alice.id, "message": text });
    bob.client.emit("send-message", payload("before")).unwrap();
    bob.client.emit_bare("disconnect").unwrap();
    for _ in 0..20 {
        // refused once the connection is known to be closed
        bob.client.emit("send-message", payload("after")).ok();
    }
    bob.client.closed(PATIENCE).await.unwrap();
    let got = alice.client.wait_for("new-message").await;
    assert_eq!(got["message"], "before");
    alice.client.wait_for("chat-user-status-changed").await;
    let (bob, _) = server.arrive(&bob.id).await;
    let last = bob.send(&alice.id, "back").await.unwrap();
    assert_eq!(last["seq"], 2, "nothing was stored in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sockets_of_a_deleted_user_are_closed_within_the_cache_time() {
    let server = Server::with(&[("CHATZZ_USER_CACHE", "1s")]).await;
    let (alice, bob) = server.pair().await;
    let gone = doc! { "username": "bob" };
    let users = server.collection("users");
    users.delete_one(gone).await.unwrap();
    bob.client.closed(PATIENCE).await.unwrap();
    let announced = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(announced["status"], "offline");
    alice.login().await.expect("nobody else is locked out");
    let details = alice.client.wait_for("user-details").await;
    let expected = json!({ "_id": bob.id, "deleted": true });
    for field in ["_id", "deleted"] {
        assert_eq!(details["connectedUsers"][0][field], expected[field]);
    }
    assert!(details["connectedUsers"][0].get("username").is_none());
}
