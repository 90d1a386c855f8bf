//! `send-message`: stored first, then announced to both sides.

use std::collections::BTreeSet;

use serde_json::json;

use super::{assert_names_field, assert_wants_a_contact};
use crate::support::server::Server;
use crate::support::user::code;

#[tokio::test(flavor = "multi_thread")]
async fn all_sockets_of_both_sides_get_the_message_once() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let alice_at_home = server.another_of(&alice).await;
    let bob_at_home = server.another_of(&bob).await;

    let sent = alice.send(&bob.id, "hello").await.unwrap();

    assert_eq!(alice.client.drain().len(), 1, "new-message before the ack");
    for socket in [&alice_at_home, &bob, &bob_at_home] {
        assert_eq!(socket.client.expect_envelope("new-message").await, sent);
    }
    for socket in [&alice, &alice_at_home, &bob, &bob_at_home] {
        socket.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_somebody_online_is_born_sent() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;

    let sent = alice.send(&bob.id, "hello").await.unwrap();

    let room = &server.dump("chatrooms").await[0];
    assert_eq!(
        sent,
        json!({
            "_id": sent["_id"],
            "createdAt": sent["createdAt"],
            "from": { "_id": alice.id, "username": "alice" },
            "to": { "_id": bob.id, "username": "bob" },
            "message": "hello",
            "status": "sent",
            "chatRoomId": room.get_object_id("_id").unwrap().to_hex(),
            "seq": 1,
            "sentAt": sent["createdAt"],
        })
    );
    let stored = &server.messages().await[0];
    let sent_at = stored.get_datetime("sentAt").unwrap();
    assert_eq!(sent_at, stored.get_datetime("createdAt").unwrap());
    assert!(!stored.contains_key("status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_somebody_offline_is_born_not_sent() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    let sent = alice.send(&bob, "hello").await.unwrap();
    assert_eq!(sent["status"], "not_sent");
    assert!(sent.get("sentAt").is_none());
    assert_eq!(alice.client.expect_envelope("new-message").await, sent);
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_ack_success_is_silent_and_failure_one_error() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let fine = json!({ "userId": bob.id, "message": "fine" });
    let blank = json!({ "userId": bob.id, "message": " " });
    alice.client.emit("send-message", fine).unwrap();
    alice.client.emit("send-message", blank).unwrap();

    let own = alice.client.wait_for("new-message").await;
    let error = alice.client.wait_for("error").await;

    assert_eq!(own["message"], "fine");
    assert_eq!(error["event"], "send-message");
    assert_eq!(error["code"], "bad-request");
    assert_eq!(error.as_object().unwrap().len(), 3);
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.expect_envelope("new-message").await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_person_sees_nothing_of_it() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    alice.add(&carol.id).await.unwrap();
    carol.client.expect_envelope("chat-user-added").await;
    alice.send(&bob.id, "for bob alone").await.unwrap();
    bob.client.expect_envelope("new-message").await;
    carol.client.assert_silent_for_roundtrip().await;
    assert_eq!(code(carol.send(&bob.id, "me too").await), "no-chat-room");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_must_be_a_contact() {
    assert_wants_a_contact("send-message", json!({ "message": "hello" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for message in [json!(null), json!(5), json!([]), json!({ "$ne": 1 })] {
        let payload = json!({ "userId": bob.id, "message": message });
        assert_names_field(&alice, "send-message", "message", payload).await;
    }
    let payload = json!({ "userId": bob.id });
    assert_names_field(&alice, "send-message", "message", payload).await;
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_beside_the_contract_is_ignored() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let payload = json!({
        "userId": bob.id, "message": "plain", "_id": "65a000000000000000000001",
        "from": bob.id, "status": "read", "seq": 99, "createdAt": 0, "sentAt": 0,
        "readAt": 0, "chatRoomId": "65a000000000000000000002", "duplicate": true,
        "__proto__": { "admin": true }, "$set": { "status": "read" }, "a.b": 1,
    });

    let sent = alice.ask("send-message", payload).await.unwrap();

    assert_ne!(sent["_id"], "65a000000000000000000001");
    assert_eq!(sent["from"]["_id"], alice.id);
    assert_eq!(sent["status"], "sent");
    assert_eq!(sent["seq"], 1);
    assert_eq!(sent["sentAt"], sent["createdAt"]);
    assert!(sent.get("readAt").is_none() && sent.get("duplicate").is_none());
    let stored = &server.messages().await[0];
    let fields: BTreeSet<&str> = stored.keys().map(String::as_str).collect();
    let expected = [
        "_id",
        "chatRoom",
        "counts",
        "createdAt",
        "from",
        "message",
        "sentAt",
        "seq",
        "to",
    ];
    assert_eq!(fields, expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_chat_room_counts_from_one_without_a_gap() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    carol.add(&alice.id).await.unwrap();
    for (seq, text) in [(1, "a"), (2, "b")] {
        assert_eq!(alice.send(&bob.id, text).await.unwrap()["seq"], seq);
        assert_eq!(carol.send(&alice.id, text).await.unwrap()["seq"], seq);
    }
    assert_eq!(bob.send(&alice.id, "c").await.unwrap()["seq"], 3);
    assert_eq!(code(alice.send(&bob.id, "").await), "bad-request");
    assert_eq!(alice.send(&bob.id, "d").await.unwrap()["seq"], 4);
}
