//! `envelope: true`, which every event may have: its answer is an envelope too.

use serde_json::{Value, json};

use super::assert_names_field;
use crate::support::contract;
use crate::support::frame::Envelope;
use crate::support::server::Server;
use crate::support::user::{Person, code};

/// What an event is asked, as in the documentation, about `bob`.
fn payload(event: &str, bob: &Person) -> Value {
    let mut payload = contract::example(event);
    let fields = payload.as_object_mut().unwrap();
    for name in contract::fields(event, true) {
        if ["userId", "userToAdd"].contains(&name.as_str()) {
            fields.insert(name, bob.id.clone());
        }
    }
    if let Some(whitelist) = fields.get_mut("whitelist") {
        *whitelist = json!([bob.id]);
    }
    fields.insert("envelope".to_owned(), json!(true));
    payload
}

/// The one envelope of a kind among what came.
fn only<'a>(came: &'a [Envelope], kind: &str) -> &'a Value {
    let mut found = came.iter().filter(|envelope| envelope.kind == kind);
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no {kind}: {came:?}"));
    assert!(found.next().is_none(), "more than one {kind}: {came:?}");
    &one.data
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_of_every_event_comes_as_an_envelope_before_its_ack() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let mut events = contract::events();
    // `connect-user` asks for oneself, and reading wants something to read
    for event in [
        "connect-user",
        "message-read",
        "message-delivered",
        "get-old-messages",
    ] {
        assert!(events.remove(event), "{event}");
    }
    for event in events {
        alice.client.drain();
        let acked = alice.ask(&event, payload(&event, &bob)).await;
        let acked = acked.unwrap_or_else(|error| panic!("{event}: {error}"));
        let came = alice.client.drain();
        let expected = json!({ "event": event, "data": acked });
        assert_eq!(only(&came, "result"), &expected, "{event}");
        if event == "block-user" {
            alice.unblock(&bob.id).await.unwrap();
        }
    }
    bob.send(&alice.id, "hello").await.unwrap();
    for event in ["message-delivered", "message-read"] {
        alice.client.drain();
        let payload = json!({ "userId": bob.id, "upTo": 1, "envelope": true });
        let acked = alice.ask(event, payload).await.unwrap();
        let expected = json!({ "event": event, "data": acked });
        assert_eq!(only(&alice.client.drain(), "result"), &expected);
    }
    let payload = json!({ "userId": alice.id, "envelope": true });
    let acked = alice.ask("connect-user", payload).await.unwrap();
    let expected = json!({ "event": "connect-user", "data": acked });
    assert_eq!(only(&alice.client.drain(), "result"), &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_ack_a_success_is_heard_by_the_asking_socket_alone() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let alice_too = server.another_of(&alice).await;
    let asked = json!({ "userId": bob.id, "message": "hello", "envelope": true });

    alice.client.emit("send-message", asked).unwrap();

    let sent = alice.client.wait_for("result").await;
    assert_eq!(sent["event"], json!("send-message"));
    assert_eq!(sent["data"]["message"], json!("hello"));
    for other in [&alice_too, &bob] {
        let message = other.client.expect_envelope("new-message").await;
        assert_eq!(message["_id"], sent["data"]["_id"]);
        other.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_history_is_old_messages_and_nothing_else() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let asked = json!({ "userId": bob.id, "envelope": true });
    alice.ask("get-old-messages", asked).await.unwrap();
    let came = alice.client.drain();
    assert_eq!(only(&came, "old-messages"), &json!([]));
    assert_eq!(came.len(), 1, "{came:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_comes_as_an_envelope_and_in_the_ack() {
    let server = Server::start().await;
    let (alice, _) = server.pair().await;
    let carol = server.person("carol").await;
    let to_nobody = json!({ "userId": carol.id, "message": "hello", "envelope": true });
    // refused by a lane's service, by the form, and before it is read
    let long = "wave".repeat(20);
    for (event, payload, expected) in [
        ("send-message", to_nobody, "no-chat-room"),
        ("send-message", json!({ "envelope": true }), "bad-request"),
        ("wave", json!({ "envelope": true }), "bad-request"),
        (&*long, json!({ "envelope": true }), "bad-request"),
    ] {
        let refused = alice.ask(event, payload).await;
        assert_eq!(code(refused), expected);
        let came = alice.client.drain();
        let error = only(&came, "error");
        assert_eq!(error["code"], json!(expected), "{event}");
        let name: String = event.chars().take(64).collect();
        assert_eq!(error["event"], json!(name), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_envelope_comes_where_none_is_asked_for() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (word, id) = (r#"{"envelope": true}"#, &bob.id);
    for payload in [
        json!({ "userId": id, "typing": true, "envelope": false }),
        json!({ "userId": id, "typing": true, "envelope": null }),
        json!({ "userId": id, "typing": true, "note": { "envelope": true } }),
        json!({ "userId": id, "typing": true, "note": word }),
    ] {
        alice.ask("typing", payload).await.unwrap();
        alice.client.assert_silent_for_roundtrip().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_is_no_boolean_is_refused_whatever_the_event() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for event in contract::events() {
        let mut payload = payload(&event, &bob);
        payload["envelope"] = json!("yes");
        assert_names_field(&alice, &event, "envelope", payload).await;
    }
    assert!(server.messages().await.is_empty());
}
