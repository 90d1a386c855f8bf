//! The holes of chatzz 1.1.5, each seen there; here nobody falls in.
//!
//! Each is tried in both dialects. Those that other tests show by themselves have the number in their name: 9, 10
//! and 13 in `races`, 15 in `lifecycle::takeover`, 18 in `http`, `transports` and
//! `limits::rates`, 19 in `queries`. The hook of 20 does not exist here, its other
//! half does.

use bson::doc;
use serde_json::{Value, json};

use crate::both::{Words, in_both_dialects};
use crate::support::canary;
use crate::support::server::Server;
use crate::support::user::{Person, code, each};

/// Every event that takes a payload.
const EVENTS: [&str; 7] = [
    "connect-user",
    "add-chat-user",
    "get-old-messages",
    "send-message",
    "message-read",
    "message-delivered",
    "disconnect",
];

in_both_dialects! {
    hole_1_a_frame_without_data_does_not_end_the_server
    hole_2_no_payload_speaks_for_somebody_else
    hole_3_query_operators_are_no_ids
    hole_4_nothing_but_the_allowed_fields_of_a_user_leaves
    hole_5_only_the_receiver_marks_a_message_read
    hole_6_a_message_to_oneself_lands_nowhere
    hole_7_handing_over_to_one_marks_nobody_elses_messages
    hole_8_a_failed_add_is_no_success
    hole_11_a_second_login_leaves_no_dead_socket_behind
    hole_12_a_deleted_user_locks_nobody_out
    hole_14_the_time_of_reading_is_stored
    hole_16_unknown_users_are_answered_and_leave_no_orphans
    hole_17_history_is_always_answered
    hole_20_collections_with_other_names_work_from_the_start
}

async fn assert_alive(server: &Server) {
    let id = server.user("survivor").await;
    server.login(&id).await;
}

async fn hole_1_a_frame_without_data_does_not_end_the_server(words: Words) {
    let server = words.server().await;
    for event in EVENTS {
        let bare = server.client().await;
        bare.emit_bare(event).unwrap();
        let null = server.client().await;
        null.emit(event, json!(null)).unwrap();
        if event != "disconnect" {
            for client in [bare, null] {
                if words.is_dialect1() {
                    client.assert_silent_for_roundtrip().await;
                } else {
                    let error = client.expect_envelope("error").await;
                    assert_eq!(error["event"], event);
                }
            }
        }
    }
    assert_alive(&server).await;
}

async fn hole_2_no_payload_speaks_for_somebody_else(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    let mallory = server.person("mallory").await;
    let payload = json!({
        "userId": bob.id, "message": "send me money", "from": alice.id, "sender": alice.id,
        "fromUser": alice.id, "user": { "_id": alice.id },
    });
    let outcome = mallory.ask("send-message", payload).await;
    assert_eq!(code(outcome), "no-chat-room", "it is mallory who asks");
    bob.client.assert_silent_for_roundtrip().await;
    // who a token names is `hole_2_a_token_decides_who_logs_in_anew_in_dialect_1`
    if !words.is_dialect1() {
        let other = json!({ "userId": alice.id });
        let outcome = mallory.ask("connect-user", other).await;
        assert_eq!(code(outcome), "already-connected");
    }
}

async fn hole_3_query_operators_are_no_ids(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "private").await.unwrap();
    bob.client.expect_envelope("new-message").await;
    let mallory = server.person("mallory").await;
    let anybody = server.socket_of(&json!({ "$ne": null })).await;
    assert_eq!(code(anybody.login().await), "bad-request");
    for operator in [
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
        json!({ "$exists": true }),
    ] {
        for (event, payload) in [
            ("add-chat-user", json!({ "userToAdd": operator })),
            ("get-old-messages", json!({ "userId": operator })),
            (
                "send-message",
                json!({ "userId": operator, "message": "x" }),
            ),
            ("message-read", json!({ "messageId": operator })),
            ("message-read", json!({ "userId": operator, "upTo": 1 })),
            (
                "message-delivered",
                json!({ "userId": operator, "upTo": 1 }),
            ),
        ] {
            let outcome = mallory.ask(event, payload.clone()).await;
            assert_eq!(code(outcome), "bad-request", "{event} {payload}");
        }
    }
    let stored = server.messages().await;
    assert_eq!(stored.len(), 1);
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["sent"]);
    alice.client.drain();
    alice.client.assert_silent_for_roundtrip().await;
}

async fn hole_4_nothing_but_the_allowed_fields_of_a_user_leaves(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    let before = server.dump("users").await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    bob.read_message(&sent["_id"]).await.unwrap();
    alice.history(json!({ "userId": bob.id })).await.unwrap();
    let (again, _) = server.arrive(&bob.id).await;
    again.client.close().await;
    for person in [&alice, &bob, &again] {
        let received = String::from_utf8(person.client.received_bytes()).unwrap();
        assert!(received.contains("alice"));
        for secret in ["password", "email", canary::USER, "example.org"] {
            assert!(!received.contains(secret), "{secret}");
        }
    }
    assert_eq!(server.dump("users").await, before, "users are only read");
}

async fn hole_5_only_the_receiver_marks_a_message_read(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    let mallory = server.person("mallory").await;
    let nobody = server.socket_of(&json!(null)).await;
    assert_eq!(
        code(nobody.read_message(&sent["_id"]).await),
        "not-connected"
    );
    for other in [&mallory, &alice] {
        let outcome = other.read_message(&sent["_id"]).await;
        assert_eq!(code(outcome), "message-not-found");
    }
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["sent"]);
}

async fn hole_6_a_message_to_oneself_lands_nowhere(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    assert_eq!(code(alice.send(&alice.id, "note").await), "no-chat-room");
    assert!(server.messages().await.is_empty());
    bob.client.assert_silent_for_roundtrip().await;
}

async fn hole_7_handing_over_to_one_marks_nobody_elses_messages(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair_with_absent().await;
    let carol = server.user("carol").await;
    alice.add(&carol).await.unwrap();
    alice.send(&bob, "for bob").await.unwrap();
    alice.send(&carol, "for carol").await.unwrap();

    let (bob, _) = server.arrive(&bob).await;
    bob.history(json!({ "userId": alice.id })).await.unwrap();
    alice.history(json!({ "userId": carol })).await.unwrap();

    let (_carol, details) = server.arrive(&carol).await;
    let missed = words.missed(&details, &alice.id);
    assert_eq!(each(missed, "message"), ["for carol"]);
}

async fn hole_8_a_failed_add_is_no_success(words: Words) {
    let server = words.server().await;
    let alice = server.person("alice").await;
    assert_eq!(code(alice.add(&alice.id).await), "cannot-add-self");
    assert_eq!(code(alice.add(&json!("nobody")).await), "user-not-found");
    let bob = server.user("bob").await;
    let (first, again) = (alice.add(&bob).await, alice.add(&bob).await);
    assert_eq!(first.unwrap(), again.unwrap());
    assert_eq!(server.dump("chatrooms").await.len(), 1);
}

async fn hole_11_a_second_login_leaves_no_dead_socket_behind(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let anew = alice.ask("connect-user", json!({ "userId": carol })).await;
    assert_eq!(
        anew.is_ok(),
        words.is_dialect1(),
        "it is refused, or a login"
    );
    alice.client.close().await;
    let news = bob.client.expect_envelope("chat-user-status-changed").await;
    assert_eq!(news["user"]["_id"], alice.id);
    assert_eq!(news["status"], "offline");
    let (alice, _) = server.arrive(&alice.id).await;
    bob.client.expect_envelope("chat-user-status-changed").await;
    let sent = alice.send(&bob.id, "still heard").await.unwrap();
    let heard = bob.client.expect_envelope("new-message").await;
    assert_eq!(heard["_id"], sent["_id"]);
    bob.client.close().await;
    let news = alice.client.wait_for("chat-user-status-changed").await;
    assert_eq!(
        (&news["user"]["_id"], &news["status"]),
        (&bob.id, &json!("offline"))
    );
}

async fn hole_12_a_deleted_user_locks_nobody_out(words: Words) {
    let server = words.server_with(&[("CHATZZ_USER_CACHE", "0")]).await;
    let (alice, bob) = server.pair_with_absent().await;
    alice.send(&bob, "before").await.unwrap();
    let gone = doc! { "username": "bob" };
    server.collection("users").delete_one(gone).await.unwrap();

    let (alice, details) = server.arrive(&alice.id).await;

    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["_id"], bob);
    assert_eq!(contact["deleted"], true);
    if !words.is_dialect1() {
        assert_eq!(contact["lastMessage"]["message"], "before");
    }
    assert_eq!(code(alice.send(&bob, "after").await), "user-not-found");
    assert_eq!(code(alice.add(&bob).await), "user-not-found");
    let page = alice.history(json!({ "userId": bob })).await.unwrap();
    let deleted = json!({ "_id": bob, "deleted": true });
    assert_eq!(words.person(&page["messages"][0]["to"]), &deleted);
    let ghost = server.socket_of(&bob).await;
    assert_eq!(code(ghost.login().await), "user-not-found");
}

async fn hole_14_the_time_of_reading_is_stored(words: Words) {
    let mut server = words.server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    let read = bob.read_message(&sent["_id"]).await.unwrap();
    server.restart().await;
    // dialect 1 has no word for it
    let (alice, _) = crate::dialect1::arrive_in(&server, "3", &alice.id).await;
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    let message = &page["messages"][0];
    assert_eq!(
        (&read["status"], &message["status"]),
        (&json!("read"), &json!("read"))
    );
    assert!(message["readAt"].is_string());
    if !words.is_dialect1() {
        assert_eq!(message["readAt"], read["readAt"]);
    }
}

async fn hole_16_unknown_users_are_answered_and_leave_no_orphans(words: Words) {
    let server = words.server().await;
    let alice = server.person("alice").await;
    let nobody = json!("65a0000000000000000000ff");
    let unknown = server.socket_of(&nobody).await;
    assert_eq!(code(unknown.login().await), "user-not-found");
    assert_eq!(code(alice.add(&nobody).await), "user-not-found");
    assert_eq!(code(alice.send(&nobody, "x").await), "user-not-found");
    let chat_users = server.dump("chatusers").await.len();
    assert_eq!((chat_users, server.dump("chatrooms").await.len()), (1, 0));
}

async fn hole_17_history_is_always_answered(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let of = |id: &Value| json!({ "userId": id });
    let nobody: Person = server.socket_of(&json!(null)).await;
    assert_eq!(code(nobody.history(of(&bob.id)).await), "not-connected");
    assert_eq!(code(alice.history(of(&carol)).await), "no-chat-room");
    let invalid = json!({ "userId": bob.id, "fromDate": "yesterday" });
    assert_eq!(code(alice.history(invalid).await), "bad-request");
}

async fn hole_20_collections_with_other_names_work_from_the_start(words: Words) {
    let server = words
        .server_with(&[
            ("CHATZZ_CHAT_USER_COLLECTION", "chatzz_users"),
            ("CHATZZ_CHAT_ROOM_COLLECTION", "chatzz_rooms"),
            ("CHATZZ_MESSAGE_COLLECTION", "chatzz_messages"),
        ])
        .await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    bob.read_up_to(&alice.id, 1).await.unwrap();
    let (again, _) = server.arrive(&bob.id).await;
    let page = again.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "status"), ["read"]);
    for (name, documents) in [
        ("chatzz_users", 2),
        ("chatzz_rooms", 1),
        ("chatzz_messages", 1),
    ] {
        assert_eq!(server.dump(name).await.len(), documents, "{name}");
    }
    assert!(server.dump("chatusers").await.is_empty());
}
