//! `POST /v1/messages`: what is sent as a user is heard like any message, and happens once.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{server, server_with};
use crate::support::user::Person;

/// The `new-message` that comes next.
async fn heard(person: &Person) -> Value {
    person.client.wait_for("new-message").await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_people_hear_what_is_sent_as_a_user_on_all_their_sockets() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let second = server.another_of(&bob).await;

    let sent = back_end
        .send(&alice.id, &bob.id, "your order has shipped", "order-17")
        .await;

    assert_eq!(sent.outcome(), (201, "ok"));
    assert_eq!(sent.body["from"], alice.id);
    assert_eq!(sent.body["to"], bob.id);
    assert_eq!(sent.body["key"], "order-17");
    assert_eq!(sent.body["via"], "server");
    assert_eq!(sent.body["status"], "sent");
    for person in [&alice, &bob, &second] {
        let message = heard(person).await;
        assert_eq!(message["_id"], sent.body["_id"]);
        assert_eq!(message["message"], "your order has shipped");
        assert_eq!(message["from"]["_id"], alice.id);
        assert_eq!(message["via"], "server");
        assert_eq!(
            message.get("clientId"),
            None,
            "the key is the application's"
        );
    }
    let stored = &server.messages().await[0];
    assert_eq!(stored.get_str("via").unwrap(), "key-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_who_never_logged_in_get_a_chat_room_and_the_message() {
    let (server, back_end) = server().await;
    let (shop, ann) = (server.user("shop").await, server.user("ann").await);

    let sent = back_end.send(&shop, &ann, "welcome", "welcome-1").await;

    assert_eq!(sent.outcome(), (201, "ok"));
    assert_eq!(sent.body["status"], "not_sent");
    let (_ann, details) = server.arrive(&ann).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["_id"], shop);
    assert_eq!(
        contact["status"], "offline",
        "no device of the shop is here"
    );
    assert_eq!(contact["unreadCount"], 1);
    assert_eq!(contact["lastMessage"]["via"], "server");
    let missed = details["missedMessages"].as_object().unwrap();
    assert_eq!(missed[shop.as_str().unwrap()][0]["message"], "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_chat_room_is_announced_before_its_first_message() {
    let (server, back_end) = server().await;
    let (shop, ann) = (server.person("shop").await, server.person("ann").await);

    back_end.send(&shop.id, &ann.id, "welcome", "1").await;

    for (person, other) in [(&shop, &ann), (&ann, &shop)] {
        let added = person.client.expect_envelope("chat-user-added").await;
        assert_eq!(added["_id"], other.id);
        assert_eq!(added["status"], "online");
        assert_eq!(added["addedBy"], shop.id);
        let message = person.client.expect_envelope("new-message").await;
        assert_eq!(message["message"], "welcome");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sends_at_once_with_one_key_store_one_message() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);

    let sends = (0..100).map(|_| back_end.send(&alice, &bob, "once", "one key"));
    let answers = join_all(sends).await;

    let count = |status| answers.iter().filter(|one| one.status == status).count();
    assert_eq!((count(201), count(200)), (1, 99));
    let is_duplicate = |status| status == 200;
    for answer in &answers {
        assert_eq!(answer.body["_id"], answers[0].body["_id"]);
        let duplicate = answer.body.get("duplicate") == Some(&json!(true));
        assert_eq!(duplicate, is_duplicate(answer.status));
    }
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_message_of_a_sender_in_a_chat_room() {
    let (server, back_end) = server().await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| server.user(name));
    let (alice, bob, carol) = (alice.await, bob.await, carol.await);
    back_end.send(&alice, &bob, "first", "key").await;

    let other_text = back_end.send(&alice, &bob, "second", "key").await;
    let other_sender = back_end.send(&bob, &alice, "second", "key").await;
    let other_receiver = back_end.send(&alice, &carol, "second", "key").await;

    assert_eq!(other_text.outcome(), (409, "client-id-conflict"));
    assert_eq!(other_text.body["stored"], "no");
    assert_eq!(other_sender.status, 201);
    assert_eq!(other_receiver.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_neither_sends_the_applications_keys_nor_collides_with_them() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    back_end
        .send(&alice.id, &bob.id, "by the server", "key")
        .await;
    let send = async |client_id: &str| {
        let payload = json!({ "userId": bob.id, "message": "by alice", "clientId": client_id, "via": "server" });
        alice.ask("send-message", payload).await
    };

    let marked = send("§key").await.unwrap_err();
    let own = send("key").await.unwrap();

    assert_eq!(marked["code"], "bad-request");
    assert_eq!(own["clientId"], "key");
    assert_eq!(own.get("duplicate"), None);
    assert_eq!(own.get("via"), None, "a socket cannot say so");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_stand_in_the_header() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let send = json!({ "from": alice, "to": bob, "message": "hello" });
    let post = async |send: &Value, header: &str| {
        let headers = [("idempotency-key", header)];
        let headers = if header.is_empty() {
            &[][..]
        } else {
            &headers[..]
        };
        back_end
            .call_as("POST", "/v1/messages", headers, &send.to_string())
            .await
    };

    let first = post(&send, "key").await;
    let mut in_both = send.clone();
    in_both["key"] = json!("key");

    assert_eq!(first.body["key"], "key");
    assert_eq!(post(&in_both, "key").await.status, 200);
    assert_eq!(
        post(&in_both, "other").await.outcome(),
        (400, "bad-request")
    );
    assert_eq!(post(&send, "").await.outcome(), (400, "bad-request"));
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_a_whitelist_hold_unless_they_are_set_aside() {
    let (server, back_end) = server_with(&[("CHATZZ_BLOCKED_SENDS", "refuse")]).await;
    let (alice, bob) = server.pair().await;
    let dora = server.user("dora").await;
    let block = json!({ "userId": alice.id });
    bob.ask("block-user", block).await.unwrap();
    let whitelist = json!({ "whitelistOnly": true, "whitelist": [alice.id] });
    bob.ask("set-privacy", whitelist).await.unwrap();
    let post = async |from: &Value, bypass: Value, key: &str| {
        let send =
            json!({ "from": from, "to": bob.id, "message": "hello", "key": key, "bypass": bypass });
        back_end.call("POST", "/v1/messages", &send).await
    };

    for from in [&alice.id, &dora] {
        assert_eq!(post(from, json!([]), "1").await.outcome(), (403, "blocked"));
        assert_eq!(
            post(from, json!(["rule"]), "1").await.outcome(),
            (403, "blocked")
        );
        assert_eq!(server.messages().await.len(), usize::from(from == &dora));
        assert_eq!(post(from, json!(["block"]), "1").await.status, 201);
        assert_eq!(heard(&bob).await["from"]["_id"], *from);
        // what is stored is answered, whatever is forbidden since
        assert_eq!(post(from, json!([]), "1").await.status, 200);
    }
    assert_eq!(
        post(&alice.id, json!(["all"]), "2").await.outcome(),
        (400, "bad-request")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contact_rule_holds_unless_it_is_set_aside() {
    let rule = r#"{"collection":"friends","filter":{"a":"$from","b":"$to"}}"#;
    let (server, back_end) = server_with(&[("CHATZZ_CONTACT_RULE", rule)]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let post = async |bypass: Value| {
        let send =
            json!({ "from": alice, "to": bob, "message": "hello", "key": "1", "bypass": bypass });
        back_end.call("POST", "/v1/messages", &send).await
    };

    let refused = post(json!(["block"])).await;

    assert_eq!(refused.outcome(), (404, "user-not-found"));
    assert!(
        refused.body["detail"].as_str().unwrap().starts_with("to: "),
        "{refused:?}"
    );
    assert_eq!(server.messages().await.len(), 0);
    assert_eq!(post(json!(["rule"])).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused_and_nothing_is_stored() {
    let (server, back_end) = server_with(&[("CHATZZ_MESSAGE_MAX_CHARS", "10")]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let good = json!({ "from": alice, "to": bob, "message": "hello", "key": "1" });
    let with = |field: &str, value: Value| {
        let mut send = good.clone();
        send[field] = value;
        send
    };
    let rows = [
        (
            with("from", json!("nobody")),
            404,
            "user-not-found",
            "from: ",
        ),
        (with("to", json!("nobody")), 404, "user-not-found", "to: "),
        (with("to", alice.clone()), 400, "cannot-add-self", ""),
        (
            with("message", json!("x".repeat(11))),
            413,
            "message-too-long",
            "",
        ),
        (
            with("message", json!(" \n")),
            400,
            "bad-request",
            "message: ",
        ),
        (with("message", json!(5)), 400, "bad-request", "message: "),
        (with("key", json!("")), 400, "bad-request", "key: "),
        (
            with("key", json!("x".repeat(65))),
            400,
            "bad-request",
            "key: ",
        ),
        (with("key", json!("kéy")), 400, "bad-request", "key: "),
        (
            with("clientId", json!("1")),
            400,
            "bad-request",
            "clientId: unknown field",
        ),
        (
            with("via", json!("server")),
            400,
            "bad-request",
            "via: unknown field",
        ),
        (json!([]), 400, "bad-request", ""),
        (json!({}), 400, "bad-request", "missing field"),
    ];

    for (send, status, code, detail) in rows {
        let refused = back_end.call("POST", "/v1/messages", &send).await;
        assert_eq!(refused.outcome(), (status, code), "{send}");
        assert_eq!(refused.body["stored"], "no", "{send}");
        let said = refused.body["detail"].as_str().unwrap();
        assert!(said.starts_with(detail), "{send}: {said}");
    }
    let broken = back_end
        .call_as("POST", "/v1/messages", &[], "{\"from\":")
        .await;
    assert_eq!(broken.outcome(), (400, "bad-request"));
    assert_eq!(server.messages().await.len(), 0);
    assert_eq!(server.dump("chatrooms").await.len(), 0);
}
