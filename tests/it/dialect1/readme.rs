//! Front ends that were written to the readme of chatzz 1.x, in the newest dialect.

use serde_json::{Value, json};

use super::client_with;
use crate::support::server::Server;
use crate::support::user::{Person, each};

/// Logs in as a front end does that says nothing of a protocol.
async fn arrive(server: &Server, id: &Value) -> Person {
    let person = Person::new(client_with(server, &[]).await, id.clone());
    person.login_by_the_readme().await.unwrap();
    person.client.expect_envelope("user-details").await;
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_for_who_knows_it_and_others_get_each_message() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    let old = arrive(&server, &alice.id).await;
    for text in ["one", "two", "three"] {
        alice.send(&bob, text).await.unwrap();
    }
    for person in [&alice, &old] {
        person.client.drain();
    }

    let (bob, _) = server.arrive(&bob).await;
    bob.read_up_to(&alice.id, 3).await.unwrap();

    for status in ["sent", "read"] {
        let whole = alice.client.wait_for("message-status-changed").await;
        assert_eq!(whole["range"], json!({ "from": 1, "to": 3 }));
        for text in ["one", "two", "three"] {
            let change = old.client.wait_for("message-status-changed").await;
            assert_eq!(
                (&change["message"], &change["status"]),
                (&json!(text), &json!(status))
            );
            assert!(change.get("range").is_none(), "{change}");
            assert_eq!(change["readAt"].is_string(), status == "read");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reading_socket_hears_its_own_read_unless_it_knows_ranges() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let old = arrive(&server, &bob.id).await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    old.client.expect_envelope("new-message").await;
    for _ in 0..2 {
        old.client
            .emit("message-read", json!({ "messageId": sent["_id"] }))
            .unwrap();
        let change = old.client.expect_envelope("message-status-changed").await;
        assert_eq!(
            (&change["_id"], &change["status"]),
            (&sent["_id"], &json!("read"))
        );
    }
    old.client.assert_silent_for_roundtrip().await;
    let next = alice.send(&bob.id, "and again").await.unwrap();
    for kind in ["new-message", "message-status-changed", "new-message"] {
        bob.client.expect_envelope(kind).await;
    }
    bob.read_message(&next["_id"]).await.unwrap();
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_say_that_there_is_more() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    server.store_unannounced(&alice.id, &bob, 3).await;
    let old = arrive(&server, &alice.id).await;
    for (limit, has_more) in [(2, true), (3, false)] {
        let query = json!({ "userId": bob, "limit": limit });
        old.client.emit("get-old-messages", query).unwrap();
        let envelope = old.client.next_envelope().await;
        assert_eq!(each(&envelope.data, "_id").len(), limit);
        assert_eq!(envelope.has_more, has_more);
    }
}
