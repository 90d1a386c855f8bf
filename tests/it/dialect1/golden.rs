//! Golden files of dialect 1: every envelope and ack that 1.1.5 had, byte for byte.

use serde_json::json;

use crate::envelopes::{Seen, compare, named};

#[tokio::test(flavor = "multi_thread")]
async fn every_envelope_and_ack_of_dialect_1_equals_its_golden_file() {
    let mut seen = Seen::default();
    let server = super::server().await;
    let alice = named(&server, "alice", "Alice", "Moreau").await;
    let bob = named(&server, "bob", "Bob", "Okafor").await;
    let alice = server.login(&alice).await;
    let bob = server.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    seen.ack(&alice.client, "add-chat-user");
    bob.client.wait_for("chat-user-added").await;
    seen.envelope(&bob.client, "chat-user-added");

    let sent = alice.send(&bob.id, "Hello \"Bob\" 😀").await.unwrap();
    seen.ack(&alice.client, "send-message");
    bob.client.wait_for("new-message").await;
    seen.envelope(&bob.client, "new-message");
    bob.client.wait_for("message-status-changed").await;
    seen.envelope(&bob.client, "message-status-changed.sent");
    bob.read_message(&sent["_id"]).await.unwrap();
    bob.client.wait_for("message-status-changed").await;
    seen.envelope(&bob.client, "message-status-changed.read");

    bob.client.close().await;
    alice.client.wait_for("chat-user-status-changed").await;
    seen.envelope(&alice.client, "chat-user-status-changed.offline");
    alice.send(&bob.id, "missed").await.unwrap();
    let (bob, _) = server.arrive(&bob.id).await;
    seen.envelope(&bob.client, "user-details");
    alice.client.wait_for("chat-user-status-changed").await;
    seen.envelope(&alice.client, "chat-user-status-changed");
    bob.history(json!({ "userId": alice.id })).await.unwrap();
    seen.ack(&bob.client, "get-old-messages");
    bob.client.wait_for("old-messages").await;
    seen.envelope(&bob.client, "old-messages");

    compare("fixtures/dialect1/envelopes", &seen.envelopes);
    compare("fixtures/dialect1/acks", &seen.acks);
}
