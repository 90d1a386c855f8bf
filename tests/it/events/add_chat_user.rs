//! `add-chat-user`: one chat room for each pair, no matter who adds whom.

use bson::{DateTime, doc};
use serde_json::{Value, json};

use super::{assert_names_field, no_ids, strangers};
use crate::support::server::Server;
use crate::support::user::code;

#[tokio::test(flavor = "multi_thread")]
async fn the_adder_is_answered_and_everybody_else_concerned_is_notified() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let alice_at_home = server.another_of(&alice).await;
    let bob = server.person("bob").await;
    let bob_at_home = server.another_of(&bob).await;

    let added = alice.add(&bob.id).await.unwrap();

    let (room, at) = (&added["chatRoomId"], &added["addedAt"]);
    assert_eq!(
        added,
        json!({
            "_id": bob.id, "username": "bob", "chatRoomId": room, "status": "online",
            "lastOnline": null, "unreadCount": 0, "addedBy": alice.id, "addedAt": at,
        })
    );
    let announced = json!({
        "_id": alice.id, "username": "alice", "status": "online", "lastOnline": null,
        "chatRoomId": room, "addedBy": alice.id, "addedAt": at,
    });
    for socket in [&bob, &bob_at_home] {
        assert_eq!(
            socket.client.expect_envelope("chat-user-added").await,
            announced
        );
    }
    let announced = json!({
        "_id": bob.id, "username": "bob", "status": "online", "lastOnline": null,
        "chatRoomId": room, "addedBy": alice.id, "addedAt": at,
    });
    let echo = alice_at_home.client.expect_envelope("chat-user-added");
    assert_eq!(echo.await, announced);
    for socket in [&alice, &alice_at_home, &bob, &bob_at_home] {
        socket.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_again_from_either_side_answers_the_same_room_and_tells_nobody() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.person("bob").await;
    let first = alice.add(&bob.id).await.unwrap();
    bob.client.expect_envelope("chat-user-added").await;

    let again = alice.add(&bob.id).await.unwrap();
    let back = bob.add(&alice.id).await.unwrap();

    assert_eq!(again, first);
    assert_eq!(back["_id"], alice.id);
    for field in ["chatRoomId", "addedBy", "addedAt"] {
        assert_eq!(back[field], first[field], "{field}");
    }
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
    assert_eq!(server.dump("chatrooms").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_again_shows_the_conversation_as_it_is_by_then() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let sent = bob.send(&alice.id, "hello").await.unwrap();
    let contact = alice.add(&bob.id).await.unwrap();
    assert_eq!(contact["unreadCount"], 1);
    assert_eq!(contact["lastMessage"]["_id"], sent["_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_never_connected_sees_the_contact_at_the_first_login() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;

    let added = alice.add(&bob).await.unwrap();

    assert_eq!(added["status"], "offline");
    assert_eq!(added["lastOnline"], json!(null));
    let (_bob, details) = server.arrive(&bob).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["_id"], alice.id);
    assert_eq!(contact["chatRoomId"], added["chatRoomId"]);
    assert_eq!(contact["addedBy"], alice.id);
    assert_eq!(contact["status"], "online");
    let online = alice.client.expect_envelope("chat-user-status-changed");
    assert_eq!(online.await["lastOnline"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_added_one_meanwhile_is_marked_at_the_next_login_and_nobody_else_is() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (carol, dave) = (server.person("carol").await, server.person("dave").await);
    bob.add(&dave.id).await.unwrap();
    let long_ago = doc! { "$set": { "createdAt": DateTime::from_millis(1_700_000_000_000) } };
    let rooms = server.collection("chatrooms");
    rooms.update_many(doc! {}, long_ago).await.unwrap();
    bob.client.close().await;
    alice.client.wait_for("chat-user-status-changed").await;
    carol.add(&bob.id).await.unwrap();
    let marks = |details: &Value| -> Vec<Value> {
        let contacts = details["connectedUsers"].as_array().unwrap().iter();
        let marked = contacts.filter(|contact| contact.get("addedWhileAway").is_some());
        marked.map(|contact| contact["_id"].clone()).collect()
    };

    let (bob, details) = server.arrive(&bob.id).await;

    assert_eq!(details["connectedUsers"].as_array().unwrap().len(), 3);
    assert_eq!(marks(&details), std::slice::from_ref(&carol.id));
    let second = server.arrive(&bob.id).await.1;
    assert_eq!(marks(&second), [] as [Value; 0], "bob has heard of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_just_before_a_loss_is_marked_since_it_may_not_have_been_heard() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.client.drop_connection().await;
    alice.client.wait_for("chat-user-status-changed").await;
    let details = server.arrive(&bob.id).await.1;
    assert_eq!(details["connectedUsers"][0]["addedWhileAway"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_added_hears_of_the_adder_from_then_on() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.client.close().await;
    let gone = bob.client.expect_envelope("chat-user-status-changed").await;
    assert_eq!(gone["user"]["_id"], alice.id);
    assert_eq!(gone["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_adds_himself() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    assert_eq!(code(alice.add(&alice.id).await), "cannot-add-self");
    assert!(server.dump("chatrooms").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_names_nobody_is_user_not_found_and_leaves_nothing() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for id in strangers() {
        assert_eq!(code(alice.add(&id).await), "user-not-found", "{id}");
    }
    assert_eq!(server.dump("chatusers").await.len(), 1);
    assert!(server.dump("chatrooms").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_json_type_is_a_bad_request_that_names_the_field() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for id in no_ids() {
        let payload = json!({ "userToAdd": id });
        assert_names_field(&alice, "add-chat-user", "userToAdd", payload).await;
    }
    assert_names_field(&alice, "add-chat-user", "userToAdd", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_without_an_ack_is_an_error_envelope() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let payload = json!({ "userToAdd": alice.id });
    alice.client.emit("add-chat-user", payload).unwrap();
    let error = alice.client.expect_envelope("error").await;
    assert_eq!(
        error,
        json!({
            "event": "add-chat-user",
            "code": "cannot-add-self",
            "message": "you cannot add yourself",
        })
    );
    alice.client.assert_silent_for_roundtrip().await;
}
