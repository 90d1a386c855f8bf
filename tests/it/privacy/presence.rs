//! Who is blocked does not see whether the other is there.

use serde_json::Value;

use crate::support::server::Server;

/// What a login shows of its only contact: status and `lastOnline`.
fn contact(details: &Value) -> (&str, &Value) {
    let contact = &details["connectedUsers"][0];
    (contact["status"].as_str().unwrap(), &contact["lastOnline"])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_sees_the_blocker_go_and_nothing_more() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let second = server.another_of(&alice).await;
    alice.client.drain();

    bob.block(&alice.id).await.unwrap();

    let mut since = Value::Null;
    for alice in [&alice, &second] {
        let announced = alice
            .client
            .expect_envelope("chat-user-status-changed")
            .await;
        assert_eq!(announced["user"]["_id"], bob.id);
        assert_eq!(announced["status"], "offline");
        since = announced["lastOnline"].clone();
    }
    assert!(since.is_string());
    bob.client.close().await;
    let bob = server.arrive(&bob.id).await.0;
    let again = server.another_of(&bob).await;
    again.client.close().await;
    alice.client.assert_silent_for_roundtrip().await;
    let (late, details) = server.arrive(&alice.id).await;
    assert_eq!(contact(&details), ("offline", &since));
    late.client.close().await;

    bob.unblock(&alice.id).await.unwrap();

    let announced = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    assert_eq!(announced["status"], "online");
    assert_eq!(announced["user"]["_id"], bob.id);
    bob.client.close().await;
    let announced = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    assert_eq!(announced["status"], "offline");
    assert_ne!(announced["lastOnline"], since);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_and_the_blocker_see_what_they_always_saw() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    carol.add(&bob.id).await.unwrap();
    bob.client.expect_envelope("chat-user-added").await;

    bob.block(&alice.id).await.unwrap();

    carol.client.assert_silent_for_roundtrip().await;
    alice.client.close().await;
    let announced = bob.client.wait_for("chat-user-status-changed").await;
    assert_eq!(announced["status"], "offline");
    let (alice, _) = server.arrive(&alice.id).await;
    let announced = bob.client.wait_for("chat-user-status-changed").await;
    assert_eq!(announced["status"], "online");
    assert_eq!(announced["user"]["_id"], alice.id);
    bob.client.close().await;
    let announced = carol.client.wait_for("chat-user-status-changed").await;
    assert_eq!(announced["status"], "offline");
    let (_bob, details) = server.arrive(&bob.id).await;
    let seen = details["connectedUsers"].as_array().unwrap().iter();
    let statuses: Vec<&Value> = seen.map(|contact| &contact["status"]).collect();
    assert_eq!(statuses, ["online", "online"]);
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_blocker_comes_unseen() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.client.drain();
    bob.block(&alice.id).await.unwrap();
    let announced = alice.client.wait_for("chat-user-status-changed").await;

    server.restart().await;
    let (alice, _) = server.arrive(&alice.id).await;
    let (bob, _) = server.arrive(&bob.id).await;

    alice.client.assert_silent_for_roundtrip().await;
    let (_late, details) = server.arrive(&alice.id).await;
    assert_eq!(contact(&details), ("offline", &announced["lastOnline"]));
    bob.client.close().await;
    alice.client.assert_silent_for_roundtrip().await;
}
