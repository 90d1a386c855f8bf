//! `connect-user`: the user of a socket, and what that user receives.

use bson::doc;
use serde_json::{Value, json};

use super::{assert_names_field, no_ids, strangers};
use crate::support::server::Server;
use crate::support::user::{Person, code, each, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_login_is_answered_with_everything_about_the_user() {
    let server = Server::start().await;
    let id = server.user("alice").await;
    let alice = server.socket_of(&id).await;

    let answer = alice.login().await.unwrap();

    assert_eq!(answer["userId"], id);
    assert_eq!(answer["status"], "online");
    assert_eq!(answer["protocol"], 3);
    assert!(answer["serverTime"].as_str().unwrap().ends_with('Z'));
    let announced = alice.client.drain();
    assert_eq!(
        announced.len(),
        1,
        "user-details comes before the ack, alone"
    );
    assert_eq!(announced[0].kind, "user-details");
    assert_eq!(
        announced[0].data,
        json!({
            "user": { "_id": id, "username": "alice" },
            "status": "online",
            "lastOnline": null,
            "connectedUsers": [],
            "missedMessages": {},
        })
    );
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_an_ack_is_answered_by_user_details_alone() {
    let server = Server::start().await;
    let id = server.user("alice").await;
    let client = server.client().await;
    client
        .emit("connect-user", json!({ "userId": id }))
        .unwrap();
    let details = client.expect_envelope("user-details").await;
    assert_eq!(details["user"]["_id"], id);
    client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_names_nobody_is_user_not_found_and_leaves_nothing() {
    let server = Server::start().await;
    for id in strangers() {
        let nobody = server.socket_of(&id).await;
        assert_eq!(code(nobody.login().await), "user-not-found", "{id}");
        nobody.client.assert_silent_for_roundtrip().await;
    }
    assert!(server.dump("chatusers").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_json_type_is_a_bad_request_that_names_the_field() {
    let server = Server::start().await;
    let id = server.user("alice").await;
    let alice = server.socket_of(&id).await;
    for id in no_ids() {
        let payload = json!({ "userId": id });
        assert_names_field(&alice, "connect-user", "userId", payload).await;
    }
    assert_names_field(&alice, "connect-user", "userId", json!({})).await;
    let payload = json!({ "userId": id, "deliveryAcks": "yes" });
    assert_names_field(&alice, "connect-user", "deliveryAcks", payload).await;
    alice.login().await.expect("the socket is still free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_as_the_same_user_answers_anew_and_tells_nobody() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;

    let again = alice.login().await.unwrap();

    assert_eq!(again["userId"], alice.id);
    let details = alice.client.expect_envelope("user-details").await;
    assert_eq!(details["connectedUsers"][0]["_id"], bob.id);
    alice.send(&bob.id, "still once").await.unwrap();
    bob.client.expect_envelope("new-message").await;
    alice.client.expect_envelope("new-message").await;
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_never_becomes_somebody_else() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let payload = json!({ "userId": bob.id });

    let (code, _) = refusal(alice.ask("connect-user", payload).await);

    assert_eq!(code, "already-connected");
    alice.client.assert_silent_for_roundtrip().await;
    let sent = alice.send(&bob.id, "still me").await.unwrap();
    assert_eq!(sent["from"]["_id"], alice.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_leaves_the_socket_free_to_log_in() {
    let server = Server::start().await;
    let id = server.user("alice").await;
    let client = server.client().await;
    let nobody = Person::new(client, "nobody");
    assert_eq!(code(nobody.login().await), "user-not-found");
    let alice = Person::new(nobody.client, id);
    alice.login().await.unwrap();
    alice.client.expect_envelope("user-details").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_hear_of_the_first_socket_alone() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;

    let (first, _) = server.arrive(&bob).await;
    let announced = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    let _second = server.another_of(&first).await;

    assert_eq!(announced["user"], json!({ "_id": bob, "username": "bob" }));
    assert_eq!(announced["status"], "online");
    assert!(announced["lastOnline"].is_string(), "bob has been offline");
    alice.client.assert_silent_for_roundtrip().await;
    first.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_come_newest_conversation_first_with_unread_count_and_last_message() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let mut others = Vec::new();
    for name in ["bob", "carol", "dave"] {
        let other = server.person(name).await;
        alice.add(&other.id).await.unwrap();
        others.push(other);
    }
    let [bob, carol, dave] = <[Person; 3]>::try_from(others).ok().unwrap();
    bob.send(&alice.id, "one").await.unwrap();
    bob.send(&alice.id, "two").await.unwrap();
    let last = alice.send(&carol.id, "mine").await.unwrap();

    let (_again, details) = server.arrive(&alice.id).await;

    let contacts = &details["connectedUsers"];
    assert_eq!(each(contacts, "_id"), [&carol.id, &bob.id, &dave.id]);
    assert_eq!(each(contacts, "unreadCount"), [0, 2, 0]);
    assert_eq!(each(contacts, "addedBy"), [&alice.id; 3]);
    assert_eq!(contacts[0]["lastMessage"]["_id"], last["_id"]);
    assert_eq!(contacts[0]["lastMessage"]["from"], alice.id);
    assert_eq!(contacts[0]["lastMessage"]["to"], carol.id);
    assert_eq!(contacts[1]["lastMessage"]["message"], "two");
    assert!(contacts[2].get("lastMessage").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integer_id_may_be_written_as_a_string_and_is_shown_as_a_number() {
    let server = Server::start().await;
    server
        .store_user(doc! { "_id": 7, "username": "ann" })
        .await;
    server
        .store_user(doc! { "_id": "ben", "username": "ben" })
        .await;
    let (ben, _) = server.arrive(&json!("ben")).await;
    ben.add(&json!("7")).await.unwrap();
    ben.send(&json!(7), "hi").await.unwrap();

    let ann = server.socket_of(&json!("7")).await;
    let answer = ann.login().await.unwrap();

    assert_eq!(answer["userId"], 7);
    let details = ann.client.expect_envelope("user-details").await;
    assert_eq!(details["user"]["_id"], 7);
    assert_eq!(details["connectedUsers"][0]["_id"], "ben");
    assert_eq!(details["missedMessages"]["ben"][0]["to"]["_id"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_fits_two_users_is_refused() {
    let server = Server::start().await;
    server.store_user(doc! { "_id": 42, "username": "n" }).await;
    server
        .store_user(doc! { "_id": "42", "username": "s" })
        .await;
    let unclear = server.socket_of(&json!("42")).await;
    assert_eq!(code(unclear.login().await), "bad-request");
    let clear = server.socket_of(&json!(42)).await;
    assert_eq!(clear.login().await.unwrap()["userId"], 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_event_before_it_is_not_connected() {
    let server = Server::start().await;
    let (_alice, bob) = server.pair().await;
    let nobody = server.socket_of(&json!(null)).await;
    for (event, payload) in [
        ("add-chat-user", json!({ "userToAdd": bob.id })),
        ("get-old-messages", json!({ "userId": bob.id })),
        ("send-message", json!({ "userId": bob.id, "message": "x" })),
        ("message-read", json!({ "userId": bob.id, "upTo": 1 })),
        ("message-delivered", json!({ "userId": bob.id, "upTo": 1 })),
    ] {
        let outcome = nobody.ask(event, payload.clone()).await;
        assert_eq!(code(outcome), "not-connected", "{event}");
        nobody.client.emit(event, payload).unwrap();
        let error = nobody.client.expect_envelope("error").await;
        assert_eq!(error["event"], event);
        assert_eq!(error["code"], "not-connected");
    }
    nobody.client.assert_silent_for_roundtrip().await;
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compact_socket_gets_ids_in_messages_and_details_once() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let writer = server.login(&alice).await;
    writer.add(&bob).await.unwrap();
    let missed = writer.send(&bob, "missed").await.unwrap();
    assert_eq!(
        missed["from"]["username"], "alice",
        "the others get details"
    );
    let reader = server.socket_of(&bob).await;
    let login = json!({ "userId": bob, "compact": true, "protocol": 3 });
    let answer = reader.ask("connect-user", login).await.unwrap();
    assert_eq!(
        answer["features"],
        json!(["changes", "compact", "envelope"])
    );
    let has_ids = |message: &Value| {
        let people = (&message["from"], &message["to"]);
        assert_eq!(people, (&alice, &bob), "{message}");
    };

    let details = reader.client.expect_envelope("user-details").await;
    assert_eq!(details["user"]["username"], "bob");
    assert_eq!(details["connectedUsers"][0]["username"], "alice");
    has_ids(&details["missedMessages"][alice.as_str().unwrap()][0]);
    writer.send(&bob, "live").await.unwrap();
    has_ids(&reader.client.wait_for("new-message").await);
    let page = json!({ "userId": alice });
    let page = reader.ask("get-old-messages", page).await.unwrap();
    has_ids(&page["messages"][0]);
    let page = json!({ "userId": alice, "envelope": true });
    reader.ask("get-old-messages", page).await.unwrap();
    has_ids(&reader.client.wait_for("old-messages").await[0]);
    let read = json!({ "messageId": missed["_id"] });
    has_ids(&reader.ask("message-read", read).await.unwrap());
    let answer = json!({ "userId": alice, "message": "thanks", "clientId": "one" });
    let sent = reader.ask("send-message", answer.clone()).await.unwrap();
    assert_eq!((&sent["from"], &sent["to"]), (&bob, &alice), "{sent}");
    let again = reader.ask("send-message", answer).await.unwrap();
    assert_eq!((&again["from"], &again["duplicate"]), (&bob, &json!(true)));
    let up_to = json!({ "userId": bob, "upTo": 3 });
    writer.ask("message-read", up_to).await.unwrap();
    let change = reader.client.wait_for("message-status-changed").await;
    assert_eq!((&change["from"], &change["to"]), (&bob, &alice), "{change}");
}
