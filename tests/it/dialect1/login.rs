//! Who a socket of dialect 1 is, and how its dialect is chosen.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{arrive_in, client_with, person_in};
use crate::support::frame::{Client, ConnectOptions};
use crate::support::server::Server;
use crate::support::user::{Person, code};

/// What `user-details` of dialect 1 alone has.
fn is_in_dialect1(details: &Value) -> bool {
    details["_id"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_chooses_the_dialect_and_else_the_deployment_does() {
    for deployment in ["1", "3"] {
        let server = Server::with(&[("CHATZZ_DIALECT", deployment)]).await;
        let alice = server.user("alice").await;
        let (_alice, details) = server.arrive(&alice).await;
        assert_eq!(is_in_dialect1(&details), deployment == "1");
        for asked in ["1", "3"] {
            let (_alice, details) = arrive_in(&server, asked, &alice).await;
            assert_eq!(
                is_in_dialect1(&details),
                asked == "1",
                "{deployment}, {asked}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_that_there_is_not_is_refused_in_words() {
    let server = Server::start().await;
    for dialect in ["2", "", "three"] {
        let options = ConnectOptions {
            query: vec![("dialect".to_owned(), dialect.to_owned())],
            ..ConnectOptions::new(server.addr())
        };
        let refused = Client::connect(options).await.err().expect("a refusal");
        let text = format!("{refused:?}");
        assert!(
            text.contains("bad-request: dialect must be 1 or 3"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compact_and_protocol_change_nothing_in_dialect_1() {
    let server = super::server().await;
    let alice = person_in(&server, "1", "alice").await;
    let login = json!({ "userId": alice.id, "compact": true, "protocol": 3 });
    alice.ask("connect-user", login).await.unwrap();
    let bob = server.person("bob").await;
    alice.add(&bob.id).await.unwrap();
    alice.send(&bob.id, "hello").await.unwrap();

    let message = bob.client.expect_after_added("new-message").await;

    assert_eq!(message["from"]["user"]["_id"], alice.id);
}

/// What waits for the envelope after `chat-user-added`.
trait AfterAdded {
    async fn expect_after_added(&self, kind: &str) -> Value;
}

impl AfterAdded for Client {
    async fn expect_after_added(&self, kind: &str) -> Value {
        self.expect_envelope("chat-user-added").await;
        self.expect_envelope(kind).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_as_another_logs_in_anew() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let other = json!({ "userId": carol });

    alice.ask("connect-user", other).await.unwrap();

    let details = alice.client.expect_envelope("user-details").await;
    assert_eq!(details["user"]["_id"], carol);
    assert_eq!(details["connectedUsers"], json!([]));
    let gone = bob.client.expect_envelope("chat-user-status-changed").await;
    assert_eq!(
        (&gone["user"]["_id"], &gone["status"]),
        (&alice.id, &json!("offline"))
    );
    bob.send(&alice.id, "for alice").await.unwrap();
    alice.client.assert_silent_for_roundtrip().await;
    // what waits is for alice
    let (alice, details) = server.arrive(&alice.id).await;
    let missed = details["missedMessages"].as_object().unwrap();
    let texts: Vec<&Value> = missed
        .values()
        .map(|of_room| &of_room[0]["message"])
        .collect();
    assert_eq!(texts, ["for alice"]);
    alice.send(&bob.id, "I am back").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_socket_becomes_has_what_they_do_from_then_on() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let to_bob = json!({ "userId": bob.id });
    // all at once: each event is that of whoever the socket is by then
    let carol = server.user("carol").await;
    alice
        .client
        .emit(
            "send-message",
            json!({ "userId": bob.id, "message": "from alice" }),
        )
        .unwrap();
    alice
        .client
        .emit("connect-user", json!({ "userId": carol }))
        .unwrap();
    let refused = alice.ask("get-old-messages", to_bob).await;
    assert_eq!(code(refused), "no-chat-room", "carol has none with bob");
    let stored = server.messages().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(
        stored[0].get("from"),
        server.chat_user(&alice.id).await.get("_id")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_leaves_the_socket_as_it_was() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let nobody = json!({ "userId": "nobody" });
    assert_eq!(
        code(alice.ask("connect-user", nobody).await),
        "user-not-found"
    );
    alice.send(&bob.id, "still alice").await.unwrap();
    let message = bob.client.expect_envelope("new-message").await;
    assert_eq!(message["from"]["user"]["_id"], alice.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_notified_again_in_dialect_1_alone() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let (modern, _) = arrive_in(&server, "3", &bob.id).await;

    alice.login().await.unwrap();

    let news = bob.client.expect_envelope("chat-user-status-changed").await;
    assert_eq!(news["status"], "online");
    assert!(news.get("lastOnline").is_none());
    modern.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_1_1_5_did_not_have_is_not_sent_to_its_front_ends() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let (modern, _) = arrive_in(&server, "3", &alice.id).await;
    let (second, _) = server.arrive(&bob.id).await;
    bob.client.drain();
    second.client.drain();
    modern.types_to(&bob.id).await.unwrap();
    let signal = modern.signal(&bob.id, json!(5)).await.unwrap();
    assert_eq!(signal["online"], false, "nobody takes it");
    bob.block(&alice.id).await.unwrap();
    bob.unblock(&alice.id).await.unwrap();
    bob.set_privacy(json!({ "whitelistOnly": false }))
        .await
        .unwrap();
    for person in [&bob, &second] {
        person.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_silent_without_an_ack_unless_the_query_asks() {
    let server = super::server().await;
    let id = server.user("alice").await;
    for (query, hears) in [(&[][..], false), (&[("errors", "1")][..], true)] {
        let alice = Person::new(client_with(&server, query).await, id.clone());
        alice.login().await.unwrap();
        alice.client.expect_envelope("user-details").await;
        alice.client.emit("send-message", json!(null)).unwrap();
        alice.client.emit("no-such-event", json!({})).unwrap();
        if hears {
            let events = [(); 2].map(|()| alice.client.expect_envelope("error"));
            for error in events {
                assert_eq!(error.await["code"], "bad-request");
            }
        } else {
            alice.client.assert_silent_for_roundtrip().await;
        }
        assert_eq!(
            code(alice.send(&id, "x").await),
            "no-chat-room",
            "an ack is answered"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_contains_all_contacts_since_there_are_no_further_pages() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let filler = "x".repeat(6_000);
    for number in 0..60 {
        let id = format!("contact-{number}");
        let user = bson::doc! { "_id": &id, "username": &id, "name": &filler };
        server.store_user(user).await;
        alice.add(&json!(id)).await.unwrap();
    }
    let (_modern, details) = arrive_in(&server, "3", &alice.id).await;
    assert_eq!(details["moreContacts"], true, "they are too many for one");

    let (_old, details) = arrive_in(&server, "1", &alice.id).await;

    let contacts = details["connectedUsers"].as_array().unwrap().iter();
    let ids: BTreeSet<&str> = contacts
        .clone()
        .map(|one| one["_id"].as_str().unwrap())
        .collect();
    assert_eq!((contacts.len(), ids.len()), (60, 60));
}
