//! `message-delivered`: the receiver has what was sent, up to a number.

use serde_json::{Value, json};

use super::{assert_names_field, assert_wants_a_contact};
use crate::support::server::Server;
use crate::support::user::{Person, each};

/// Somebody who was sent three messages and shown the last of them alone.
async fn receiver_of_three(server: &Server) -> (Person, Person) {
    let (alice, bob) = server.pair_with_absent().await;
    for text in ["one", "two", "three"] {
        alice.send(&bob, text).await.unwrap();
    }
    let (bob, details) = server.arrive(&bob).await;
    let shown = details["missedMessages"][alice.id.as_str().unwrap()].clone();
    assert_eq!(each(&shown, "seq"), [3]);
    let changed = alice.client.wait_for("message-status-changed").await;
    assert_eq!(changed["range"], json!({ "from": 1, "to": 3 }));
    alice.client.wait_for("chat-user-status-changed").await;
    alice.client.drain();
    (alice, bob)
}

async fn server() -> Server {
    Server::with(&[("CHATZZ_MISSED_PER_CONTACT", "1")]).await
}

/// Two people of whom one has written to the other, who has been sent nothing yet.
struct Apart {
    _server: Server,
    alice: Person,
    bob: Person,
}

impl Apart {
    async fn with_messages(count: i64) -> Self {
        let server = Server::start().await;
        let (alice, bob) = server.pair().await;
        server.store_unannounced(&alice.id, &bob.id, count).await;
        bob.client.drain();
        alice.client.drain();
        Self {
            _server: server,
            alice,
            bob,
        }
    }
}

async fn statuses(person: &Person, other: &Person) -> Vec<Value> {
    let query = json!({ "userId": other.id });
    let page = person.history(query).await.unwrap();
    let statuses = each(&page["messages"], "status");
    statuses.into_iter().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_sent() {
    let server = server().await;
    let (alice, bob) = receiver_of_three(&server).await;
    assert_eq!(statuses(&alice, &bob).await, ["sent"; 3]);
    let delivered = bob.delivered_up_to(&alice.id, 3).await.unwrap();
    assert_eq!(delivered, json!({ "delivered": 0 }));
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_becomes_sent_and_its_sender_is_notified() {
    let apart = Apart::with_messages(3).await;

    let delivered = apart.bob.delivered_up_to(&apart.alice.id, 2).await.unwrap();

    assert_eq!(delivered, json!({ "delivered": 2 }));
    let here = &apart.alice.client;
    let heard = here.expect_envelope("message-status-changed").await;
    assert_eq!(heard["seq"], 2);
    assert_eq!(heard["status"], "sent");
    assert!(heard["sentAt"].is_string() && heard.get("readAt").is_none());
    assert_eq!(heard["range"], json!({ "from": 1, "to": 2 }));
    let shown = statuses(&apart.alice, &apart.bob).await;
    assert_eq!(shown, ["sent", "sent", "not_sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_message_is_announced_without_a_range() {
    let apart = Apart::with_messages(2).await;
    let delivered = apart.bob.delivered_up_to(&apart.alice.id, 1).await.unwrap();
    assert_eq!(delivered["delivered"], 1);
    let here = &apart.alice.client;
    let heard = here.expect_envelope("message-status-changed").await;
    assert_eq!(heard["seq"], 1);
    assert!(heard.get("range").is_none());
    let shown = statuses(&apart.alice, &apart.bob).await;
    assert_eq!(shown, ["sent", "not_sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn saying_it_again_changes_and_tells_nothing() {
    let apart = Apart::with_messages(3).await;
    apart.bob.delivered_up_to(&apart.alice.id, 3).await.unwrap();
    let here = &apart.alice.client;
    here.expect_envelope("message-status-changed").await;
    for up_to in [1, 3, 1_000_000] {
        let again = apart.bob.delivered_up_to(&apart.alice.id, up_to).await;
        assert_eq!(again.unwrap(), json!({ "delivered": 0 }));
    }
    here.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_is_not_missed_again() {
    let server = server().await;
    let (alice, bob) = receiver_of_three(&server).await;
    bob.delivered_up_to(&alice.id, 3).await.unwrap();
    let (_bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["missedMessages"], json!({}));
    let contact = &details["connectedUsers"][0];
    assert!(contact.get("missedCount").is_none());
    assert_eq!(contact["unreadCount"], 3, "delivered is not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_beyond_the_last_confirms_nothing_that_is_yet_to_come() {
    let server = server().await;
    let (alice, bob) = receiver_of_three(&server).await;
    bob.delivered_up_to(&alice.id, 1_000_000).await.unwrap();
    bob.client.close().await;
    alice.client.wait_for("chat-user-status-changed").await;
    alice.send(&bob.id, "four").await.unwrap();
    let (_bob, details) = server.arrive(&bob.id).await;
    let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
    assert_eq!(each(missed, "seq"), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_cannot_deliver_their_own_messages() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    alice.send(&bob, "waiting").await.unwrap();
    let delivered = alice.delivered_up_to(&bob, 1).await.unwrap();
    assert_eq!(delivered, json!({ "delivered": 0 }));
    let (_bob, details) = server.arrive(&bob).await;
    let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
    assert_eq!(each(missed, "message"), ["waiting"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_must_be_a_contact() {
    assert_wants_a_contact("message-delivered", json!({ "upTo": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for up_to in [
        json!(null),
        json!(0),
        json!(-1),
        json!(0.5),
        json!("1"),
        json!({ "$gt": 0 }),
        json!(u64::MAX),
    ] {
        let payload = json!({ "userId": alice.id, "upTo": up_to });
        assert_names_field(&bob, "message-delivered", "upTo", payload).await;
    }
    let payload = json!({ "userId": alice.id });
    assert_names_field(&bob, "message-delivered", "upTo", payload).await;
}
