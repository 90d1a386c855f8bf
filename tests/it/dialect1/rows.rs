//! What the readme of chatzz 1.x promises, row by row, to front ends that were written to it.

use serde_json::{Value, json};

use super::server;
use crate::support::binary::Binary;
use crate::support::mongod::{as_administrator, shared_uri};
use crate::support::server::Server;
use crate::support::user::each;

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_1_without_a_database_it_does_not_start() {
    let nowhere = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "off"),
        (
            "CHATZZ_MONGODB_URI",
            "mongodb://127.0.0.1:1/?directConnection=true",
        ),
        ("CHATZZ_STARTUP_TIMEOUT", "1s"),
    ];
    let ended = Binary::run(&["serve"], &nowhere).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_2_and_3_the_collections_may_have_other_names() {
    // the account of the other tests may read `users` alone
    let uri = as_administrator(&shared_uri().await);
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_USER_COLLECTION", "members"),
        ("CHATZZ_CHAT_USER_COLLECTION", "talkers"),
    ];
    let server = Server::on(&uri, &keys).await;
    let member = bson::doc! { "_id": "m1", "username": "alice" };
    server
        .collection("members")
        .insert_one(member)
        .await
        .unwrap();
    let (_alice, details) = server.arrive(&json!("m1")).await;
    assert_eq!(details["user"]["username"], "alice");
    assert_eq!(server.dump("talkers").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_4_the_operator_says_which_fields_of_a_user_are_sent() {
    let keys = [("CHATZZ_DIALECT", "1"), ("CHATZZ_USER_FIELDS", "_id,nick")];
    let server = Server::with(&keys).await;
    let user = bson::doc! { "_id": "a", "nick": "Al", "username": "alice", "password": "secret" };
    server.store_user(user).await;
    let (_alice, details) = server.arrive(&json!("a")).await;
    assert_eq!(details["user"], json!({ "_id": "a", "nick": "Al" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_5_and_6_everything_is_the_event_chatzz_with_a_known_type() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    bob.read_message(&sent["_id"]).await.unwrap();
    bob.client
        .emit("get-old-messages", json!({ "userId": alice.id }))
        .unwrap();
    bob.client.wait_for("old-messages").await;
    bob.client.close().await;
    alice.client.wait_for("chat-user-status-changed").await;
    let known = [
        "user-details",
        "chat-user-status-changed",
        "new-message",
        "message-status-changed",
        "old-messages",
        "chat-user-added",
    ];
    for person in [&alice, &bob] {
        let received = String::from_utf8(person.client.received_bytes()).unwrap();
        let frames = received.lines().filter_map(|line| line.strip_prefix("42"));
        for frame in frames {
            let [name, envelope]: [Value; 2] = serde_json::from_str(frame).unwrap();
            assert_eq!(name, "chatzz", "{frame}");
            assert_eq!(envelope.as_object().unwrap().len(), 2, "{frame}");
            assert!(
                known.iter().any(|kind| envelope["type"] == *kind),
                "{frame}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_6_the_status_event_may_have_the_name_of_the_readme() {
    let keys = [
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_STATUS_EVENT", "user-status-changed"),
    ];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair().await;
    bob.client.close().await;
    let gone = alice.client.expect_envelope("user-status-changed").await;
    assert_eq!(
        (&gone["user"]["_id"], &gone["status"]),
        (&bob.id, &json!("offline"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_7_and_8_the_first_login_makes_a_chat_user_and_gives_the_details() {
    let server = server().await;
    let alice = server.user("alice").await;
    let (alice, details) = server.arrive(&alice).await;
    assert_eq!(server.dump("chatusers").await.len(), 1);
    assert_eq!(details["user"]["_id"], alice.id);
    assert_eq!(details["status"], "online");
    assert_eq!(details["connectedUsers"], json!([]));
    assert_eq!(details["missedMessages"], json!({}));
    alice.client.close().await;
    let bob = server.person("bob").await;
    bob.add(&alice.id).await.unwrap();
    bob.send(&alice.id, "are you there?").await.unwrap();
    let (_alice, details) = server.arrive(&alice.id).await;
    assert!(details["lastOnline"].is_string());
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["_id"], bob.id);
    let room = contact["chatRoomId"].as_str().unwrap();
    assert_eq!(
        each(&details["missedMessages"][room], "message"),
        ["are you there?"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_9_contacts_see_one_come_online() {
    let server = server().await;
    let (alice, bob) = server.pair_with_absent().await;
    server.arrive(&bob).await;
    let news = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    assert_eq!(
        (&news["user"]["_id"], &news["status"]),
        (&bob, &json!("online"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_10_and_11_adding_somebody_calls_back_error_first_and_notifies_them() {
    let server = server().await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let payload = json!({ "userToAdd": bob.id });
    let ack = alice
        .client
        .emit_with_ack("add-chat-user", payload)
        .await
        .unwrap();
    assert_eq!(ack[0], json!(null));
    assert_eq!(
        (&ack[1]["user"]["_id"], &ack[1]["status"]),
        (&bob.id, &json!("online"))
    );
    let added = bob.client.expect_envelope("chat-user-added").await;
    assert_eq!(
        (&added["_id"], &added["status"]),
        (&alice.id, &json!("online"))
    );
    let nobody = json!({ "userToAdd": "nobody" });
    let ack = alice
        .client
        .emit_with_ack("add-chat-user", nobody)
        .await
        .unwrap();
    assert_eq!(ack[0]["code"], "user-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_12_and_13_old_messages_are_an_array_from_a_date_on() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    alice.client.drain();
    let ask = async |query: Value| {
        alice.client.emit("get-old-messages", query).unwrap();
        alice.client.wait_for("old-messages").await
    };
    let all = ask(json!({ "userId": bob.id })).await;
    assert_eq!(each(&all, "message"), ["one", "two"]);
    for field in ["_id", "createdAt", "status", "chatRoom"] {
        assert!(all[1][field].is_string(), "{field}: {all}");
    }
    assert_eq!(all[1]["from"]["user"]["username"], "alice");
    assert_eq!(all[1]["to"]["user"]["username"], "bob");
    let later = ask(json!({ "userId": bob.id, "fromDate": "2199-01-01" })).await;
    assert_eq!(later, json!([]));
    // the readme's `date` never had an effect
    for date in [
        json!("2199-01-01"),
        json!("Thu Jan 01 2026 01:00:00 GMT+0100"),
        json!(1e300),
        json!({}),
        json!(null),
    ] {
        let asked = json!({ "userId": bob.id, "date": date });
        assert_eq!(ask(asked).await, all, "{date}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_14_a_message_comes_to_both_as_the_same_object() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    let payload = json!({ "userId": bob.id, "message": "hello" });
    alice.client.emit("send-message", payload).unwrap();
    let [mine, theirs] = [&alice, &bob].map(|one| one.client.expect_envelope("new-message"));
    let (mine, theirs) = (mine.await, theirs.await);
    assert_eq!(mine["message"], "hello");
    assert_eq!(mine, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_15_the_sender_hears_that_a_message_was_read() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    bob.client
        .emit("message-read", json!({ "messageId": sent["_id"] }))
        .unwrap();
    loop {
        let change = alice.client.wait_for("message-status-changed").await;
        assert_eq!(change["message"]["_id"], sent["_id"]);
        if change["message"]["status"] == "read" {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chatzz_16_contacts_see_one_disconnect_and_when() {
    let server = server().await;
    let (alice, bob) = server.pair().await;
    bob.client.emit_bare("disconnect").unwrap();
    let gone = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    assert_eq!(
        (&gone["user"]["_id"], &gone["status"]),
        (&bob.id, &json!("offline"))
    );
    assert!(gone["lastOnline"].is_string());
}
