//! Missed messages: those behind the delivered cursor, which never jumps.

mod confirmed;
mod cut;

use serde_json::{Value, json};

use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::{Person, each};

/// A heartbeat so short that a socket soon outlives what it was sent.
const SHORT: [(&str, &str); 2] = [
    ("CHATZZ_PING_INTERVAL", "300ms"),
    ("CHATZZ_PING_TIMEOUT", "300ms"),
];

/// The missed messages of one sender, by a field.
fn missed<'a>(details: &'a Value, sender: &Person, field: &str) -> Vec<&'a Value> {
    each(&details["missedMessages"][key(sender)], field)
}

fn key(person: &Person) -> &str {
    person.id.as_str().unwrap()
}

async fn send_all(from: &Person, to: &Value, texts: &[&str]) {
    for text in texts {
        from.send(to, text).await.unwrap();
    }
    from.client.drain();
}

/// Waits until a login shows nothing missed of this sender.
async fn wait_until_confirmed(server: &Server, sender: &Person, receiver: &Person) {
    let what = "a login without missed messages of this sender";
    eventually(what, async || {
        let (probe, details) = server.arrive(&receiver.id).await;
        probe.client.close().await;
        let missed = &details["missedMessages"][key(sender)];
        missed.is_null().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_an_offline_user_is_missed_then_delivered_once() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["one", "two", "three"]).await;

    let (bob, details) = server.arrive(&bob).await;

    assert_eq!(missed(&details, &alice, "message"), ["one", "two", "three"]);
    assert_eq!(missed(&details, &alice, "seq"), [1, 2, 3]);
    assert_eq!(missed(&details, &alice, "status"), ["sent"; 3]);
    assert_eq!(details["missedMessages"].as_object().unwrap().len(), 1);
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["unreadCount"], 3);
    assert!(contact.get("missedCount").is_none() && contact.get("missedFrom").is_none());
    let announced = alice.client.wait_for("message-status-changed").await;
    assert_eq!(announced["seq"], 3);
    assert_eq!(announced["status"], "sent");
    assert_eq!(announced["range"], json!({ "from": 1, "to": 3 }));
    bob.delivered_up_to(&alice.id, 3).await.unwrap();
    let (_bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_never_connected_misses_what_was_sent_before() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    alice.add(&bob).await.unwrap();
    send_all(&alice, &bob, &["welcome"]).await;
    let (_bob, details) = server.arrive(&bob).await;
    assert_eq!(missed(&details, &alice, "message"), ["welcome"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_messages_are_never_missed() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["one", "two"]).await;
    let (bob, _) = server.arrive(&bob).await;
    bob.send(&alice.id, "three").await.unwrap();
    let (_alice, details) = server.arrive(&alice.id).await;
    assert_eq!(missed(&details, &bob, "seq"), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_loses_no_missed_message() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["one", "two"]).await;
    server.restart().await;
    let (_bob, details) = server.arrive(&bob).await;
    assert_eq!(missed(&details, &alice, "message"), ["one", "two"]);
}
