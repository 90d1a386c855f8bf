//! Presence: when contacts are notified that somebody came online or went offline.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::server::Server;
use crate::support::user::Person;

/// So long that whatever is announced in time was announced at once.
const LONG_GRACE: (&str, &str) = ("CHATZZ_OFFLINE_GRACE", "60s");

const NEWS: &str = "chat-user-status-changed";

/// What the next status change says, and when it came.
async fn next_news(watcher: &Person) -> (Value, Instant) {
    let news = watcher.client.expect_envelope(NEWS).await;
    (news, Instant::now())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_offline_only_after_the_last_socket() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, bob) = server.pair().await;
    let bob_at_home = server.another_of(&bob).await;

    bob.client.close().await;
    let sent = alice.send(&bob.id, "still there?").await.unwrap();
    assert_eq!(sent["status"], "sent");
    bob_at_home.client.expect_envelope("new-message").await;
    alice.client.expect_envelope("new-message").await;
    alice.client.assert_silent_for_roundtrip().await;

    bob_at_home.client.close().await;
    let (news, _) = next_news(&alice).await;
    assert_eq!(news["user"], json!({ "_id": bob.id, "username": "bob" }));
    assert_eq!(news["status"], "offline");
    let late = alice.send(&bob.id, "gone").await.unwrap();
    assert_eq!(late["status"], "not_sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_disconnect_is_announced_at_once() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, bob) = server.pair().await;
    bob.client.close().await;
    assert_eq!(next_news(&alice).await.0["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transport_is_announced_after_the_grace() {
    let grace = Duration::from_millis(700);
    let server = Server::with(&[("CHATZZ_OFFLINE_GRACE", "700ms")]).await;
    let (alice, bob) = server.pair().await;
    let lost = Instant::now();
    bob.client.drop_connection().await;
    let (news, announced) = next_news(&alice).await;
    assert_eq!(news["status"], "offline");
    assert!(announced - lost >= grace, "{:?}", announced - lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_grace_a_lost_transport_is_announced_at_once() {
    let without = Server::with(&[("CHATZZ_OFFLINE_GRACE", "0")]).await;
    let usual = Server::start().await;
    let (alice, bob) = without.pair().await;
    let (carol, dave) = usual.pair().await;
    // the other way round with the same grace: who is lost first is announced first
    dave.client.drop_connection().await;
    bob.client.drop_connection().await;
    let ((at_once, announced), (later, announced_later)) =
        tokio::join!(next_news(&alice), next_news(&carol));
    assert_eq!(
        (&at_once["status"], &later["status"]),
        (&json!("offline"), &json!("offline"))
    );
    assert!(
        announced < announced_later,
        "{:?}",
        announced - announced_later
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transport_that_is_back_within_the_grace_is_not_announced() {
    let server = Server::with(&[LONG_GRACE]).await;
    let (alice, bob) = server.pair().await;
    bob.client.drop_connection().await;
    let (bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["lastOnline"], json!(null), "never offline before");
    alice.send(&bob.id, "welcome back").await.unwrap();
    bob.client.expect_envelope("new-message").await;
    alice.client.expect_envelope("new-message").await;
    alice.client.assert_silent_for_roundtrip().await;
    // a clean disconnect does not wait for the grace of the lost one
    bob.client.close().await;
    assert_eq!(next_news(&alice).await.0["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_death_is_announced_after_ping_interval_and_timeout_and_a_second() {
    let (interval, timeout) = (Duration::from_millis(300), Duration::from_millis(300));
    let server = Server::with(&[
        ("CHATZZ_PING_INTERVAL", "300ms"),
        ("CHATZZ_PING_TIMEOUT", "300ms"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    let silent = Instant::now();
    bob.client.go_silent();
    let (news, announced) = next_news(&alice).await;
    assert_eq!(news["status"], "offline");
    let took = announced - silent;
    assert!(took >= timeout, "{took:?}");
    // the bound of the protocol, and what a busy machine may add
    let bound = interval + timeout + Duration::from_secs(1);
    assert!(took <= bound + Duration::from_millis(750), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_answers_pings_stays_online() {
    let server = Server::with(&[
        ("CHATZZ_PING_INTERVAL", "300ms"),
        ("CHATZZ_PING_TIMEOUT", "300ms"),
        ("CHATZZ_OFFLINE_GRACE", "0"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    carol.add(&alice.id).await.unwrap();
    alice.client.expect_envelope("chat-user-added").await;
    // carol dies silently later than a quiet bob would have
    carol.client.go_silent();
    let (news, _) = next_news(&alice).await;
    assert_eq!(news["user"]["_id"], carol.id);
    bob.send(&alice.id, "here").await.unwrap();
    alice.client.expect_envelope("new-message").await;
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn last_online_is_null_until_somebody_went_and_then_the_time() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (_again, details) = server.arrive(&alice.id).await;
    assert_eq!(details["lastOnline"], json!(null));
    assert_eq!(details["connectedUsers"][0]["lastOnline"], json!(null));

    bob.client.close().await;
    let (news, _) = next_news(&alice).await;

    let went = &news["lastOnline"];
    let (_again, details) = server.arrive(&alice.id).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["status"], "offline");
    assert_eq!(&contact["lastOnline"], went);
    assert_eq!(&alice.add(&bob.id).await.unwrap()["lastOnline"], went);
    let (_bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["status"], "online");
    assert_eq!(&details["lastOnline"], went);
    let (news, _) = next_news(&alice).await;
    assert_eq!(news["status"], "online");
    assert_eq!(&news["lastOnline"], went);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_contacts_are_notified() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    bob.client.close().await;
    next_news(&alice).await;
    server.arrive(&bob.id).await;
    next_news(&alice).await;
    carol.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_of_a_stopped_server_are_offline_when_it_is_back() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair().await;
    server.restart().await;
    let (_alice, details) = server.arrive(&alice.id).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["_id"], bob.id);
    assert_eq!(contact["status"], "offline");
    assert!(contact["lastOnline"].is_string());
    let stored = server.chat_user(&bob.id).await;
    assert_eq!(stored.get_str("status").unwrap(), "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_envelope_can_be_the_readmes() {
    let server = Server::with(&[("CHATZZ_STATUS_EVENT", "user-status-changed")]).await;
    let (alice, bob) = server.pair().await;
    bob.client.close().await;
    let news = alice.client.expect_envelope("user-status-changed").await;
    assert_eq!(news["status"], "offline");
    server.arrive(&bob.id).await;
    let news = alice.client.expect_envelope("user-status-changed").await;
    assert_eq!(news["status"], "online");
}
