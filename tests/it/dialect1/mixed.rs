//! Conversations of two dialects: what one side does, the other hears in its own words.

use serde_json::{Value, json};

use super::{arrive_in, person_in};
use crate::support::server::Server;
use crate::support::user::Person;

/// Two people, each on a socket of a dialect, who have a chat room.
async fn pair_in(server: &Server, dialects: [&str; 2]) -> (Person, Person) {
    let [first, second] = dialects;
    let alice = person_in(server, first, "alice").await;
    let bob = person_in(server, second, "bob").await;
    alice.add(&bob.id).await.unwrap();
    let added = bob.client.expect_envelope("chat-user-added").await;
    assert_eq!(
        (&added["_id"], &added["status"]),
        (&alice.id, &json!("online"))
    );
    assert_eq!(added.get("chatRoomId").is_some(), second == "3");
    (alice, bob)
}

/// A message as its socket shows it: sender, receiver, text, status.
fn message<'a>(dialect: &str, message: &'a Value) -> [&'a Value; 4] {
    let details = |person: &'a Value| match dialect {
        "1" => &person["user"],
        _ => person,
    };
    let [from, to] = ["from", "to"].map(|side| &details(&message[side])["_id"]);
    [from, to, &message["message"], &message["status"]]
}

/// The next change of a status.
async fn change(person: &Person, dialect: &str) -> Value {
    let change = person
        .client
        .expect_envelope("message-status-changed")
        .await;
    if dialect == "1" {
        change["message"].clone()
    } else {
        change
    }
}

async fn converse(dialects: [&str; 2]) {
    let server = Server::start().await;
    let (alice, bob) = pair_in(&server, dialects).await;
    let [of_alice, of_bob] = dialects;

    // send-message
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    let text = json!("hello");
    for (person, dialect) in [(&alice, of_alice), (&bob, of_bob)] {
        let heard = person.client.expect_envelope("new-message").await;
        let status = json!(if dialect == "1" { "not_sent" } else { "sent" });
        assert_eq!(
            message(dialect, &heard),
            [&alice.id, &bob.id, &text, &status]
        );
        if dialect == "1" {
            let heard = change(person, dialect).await;
            assert_eq!(
                message(dialect, &heard),
                [&alice.id, &bob.id, &text, &json!("sent")]
            );
        }
    }

    // message-read
    bob.read_message(&sent["_id"]).await.unwrap();
    let heard = change(&alice, of_alice).await;
    assert_eq!(
        message(of_alice, &heard),
        [&alice.id, &bob.id, &text, &json!("read")]
    );
    if of_bob == "1" {
        let heard = change(&bob, of_bob).await;
        assert_eq!(heard["status"], "read");
    }

    // disconnect, and what is missed
    bob.client.close().await;
    let gone = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    assert_eq!(
        (&gone["user"]["_id"], &gone["status"]),
        (&bob.id, &json!("offline"))
    );
    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
        alice.client.expect_envelope("new-message").await;
    }
    let (bob, details) = arrive_in(&server, of_bob, &bob.id).await;
    let contact = &details["connectedUsers"][0];
    let key = if of_bob == "1" {
        &contact["chatRoom"]
    } else {
        &alice.id
    };
    let missed = &details["missedMessages"][key.as_str().unwrap()];
    let texts = missed.as_array().unwrap().iter().map(|one| &one["message"]);
    assert_eq!(texts.collect::<Vec<_>>(), ["one", "two"]);
    if of_alice == "1" {
        for text in ["one", "two"] {
            let heard = change(&alice, of_alice).await;
            assert_eq!(
                (&heard["message"], &heard["status"]),
                (&json!(text), &json!("sent"))
            );
        }
    } else {
        let heard = change(&alice, of_alice).await;
        assert_eq!(heard["range"], json!({ "from": 2, "to": 3 }));
    }
    let back = alice
        .client
        .expect_envelope("chat-user-status-changed")
        .await;
    assert_eq!(back["status"], "online");

    read_it_all(&alice, &bob, dialects).await;
    meet_what_is_new(&alice, &bob, dialects).await;
}

/// Everything is read, and so both see it in the history.
async fn read_it_all(alice: &Person, bob: &Person, [of_alice, of_bob]: [&str; 2]) {
    // message-delivered and message-read up to a position, which front ends of 1.x do not have
    bob.delivered_up_to(&alice.id, 3).await.unwrap();
    bob.read_up_to(&alice.id, 3).await.unwrap();
    let last = change(alice, of_alice).await;
    let last = if of_alice == "1" {
        change(alice, of_alice).await
    } else {
        last
    };
    assert_eq!(
        (&last["message"], &last["status"]),
        (&json!("two"), &json!("read"))
    );

    // get-old-messages
    for (person, other, dialect) in [(alice, bob, of_alice), (bob, alice, of_bob)] {
        person.client.drain();
        person
            .client
            .emit("get-old-messages", json!({ "userId": other.id }))
            .unwrap();
        let page = person.client.expect_envelope("old-messages").await;
        let shown = page
            .as_array()
            .unwrap()
            .iter()
            .map(|one| message(dialect, one));
        let read = json!("read");
        let texts = [json!("hello"), json!("one"), json!("two")];
        let expected = texts.iter().map(|text| [&alice.id, &bob.id, text, &read]);
        assert_eq!(shown.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

/// What 1.1.5 did not have: whoever knows it uses it, and the other is not disturbed.
async fn meet_what_is_new(alice: &Person, bob: &Person, [of_alice, of_bob]: [&str; 2]) {
    for (person, other, others) in [(alice, bob, of_bob), (bob, alice, of_alice)] {
        person.types_to(&other.id).await.unwrap();
        person.signal(&other.id, json!({ "x": 1 })).await.unwrap();
        if others == "1" {
            other.client.assert_silent_for_roundtrip().await;
        } else {
            other.client.expect_envelope("user-typing").await;
            other.client.expect_envelope("user-signal").await;
        }
        assert_eq!(person.active().await, std::slice::from_ref(&other.id));
        person.block(&other.id).await.unwrap();
        let gone = other
            .client
            .expect_envelope("chat-user-status-changed")
            .await;
        assert_eq!(gone["status"], "offline");
        assert_eq!(person.blocked().await, std::slice::from_ref(&other.id));
        person.unblock(&other.id).await.unwrap();
        let back = other
            .client
            .expect_envelope("chat-user-status-changed")
            .await;
        assert_eq!(back["status"], "online");
        person
            .set_privacy(json!({ "whitelistOnly": false }))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dialect_1_writes_to_the_newest() {
    converse(["1", "3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_writes_to_dialect_1() {
    converse(["3", "1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dialect_1_writes_to_dialect_1() {
    converse(["1", "1"]).await;
}
