//! `clientId`: a send that is safe to repeat, for ever.

use serde_json::{Value, json};

use super::assert_names_field;
use crate::support::server::Server;
use crate::support::user::code;

/// The stored message as a repeat is answered with it.
fn as_duplicate(sent: &Value) -> Value {
    let mut duplicate = sent.clone();
    duplicate["duplicate"] = json!(true);
    duplicate
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_with_the_stored_message_and_tells_nobody() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send_with(&bob.id, "once", "k-1").await.unwrap();
    assert_eq!(sent["clientId"], "k-1");
    assert!(sent.get("duplicate").is_none());
    alice.client.expect_envelope("new-message").await;
    bob.client.expect_envelope("new-message").await;

    let again = alice.send_with(&bob.id, "once", "k-1").await.unwrap();

    assert_eq!(again, as_duplicate(&sent));
    alice.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_text_under_the_same_id_is_a_conflict() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.send_with(&bob.id, "once", "k-1").await.unwrap();

    let outcome = alice.send_with(&bob.id, "other", "k-1").await;

    assert_eq!(code(outcome), "client-id-conflict");
    assert_eq!(server.messages().await.len(), 1);
    let next = alice.send(&bob.id, "free").await.unwrap();
    assert_eq!(next["seq"], 2, "a refused send leaves no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_one_senders_in_one_chat_room() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    alice.add(&carol.id).await.unwrap();

    let sends = [
        alice.send_with(&bob.id, "to bob", "k-1").await.unwrap(),
        alice.send_with(&carol.id, "to carol", "k-1").await.unwrap(),
        bob.send_with(&alice.id, "back", "k-1").await.unwrap(),
    ];

    assert_eq!(server.messages().await.len(), 3);
    let again = alice.send_with(&carol.id, "to carol", "k-1").await.unwrap();
    assert_eq!(again, as_duplicate(&sends[1]));
    assert_eq!(server.messages().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipelined_repeat_and_conflict_are_distinguished() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let send = |text: &str| {
        let payload = json!({ "userId": bob.id, "message": text, "clientId": "k" });
        alice.client.emit_ack_pipelined("send-message", payload)
    };
    let (first, same, other) = (send("once"), send("once"), send("other"));
    let (first, same, other) = futures::try_join!(first, same, other).unwrap();
    assert_eq!(same[1], as_duplicate(&first[1]));
    assert_eq!(other[0]["code"], "client-id-conflict");
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_across_a_restart_of_the_server() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send_with(&bob.id, "once", "k-1").await.unwrap();

    server.restart().await;
    let (alice, _) = server.arrive(&alice.id).await;
    let again = alice.send_with(&bob.id, "once", "k-1").await.unwrap();
    let other = alice.send_with(&bob.id, "other", "k-1").await;

    assert_eq!(again, as_duplicate(&sent));
    assert_eq!(code(other), "client-id-conflict");
    assert_eq!(alice.send(&bob.id, "next").await.unwrap()["seq"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_shows_the_message_as_it_is_by_now() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.send_with(&bob.id, "once", "k-1").await.unwrap();
    let read = bob.read_up_to(&alice.id, 1).await.unwrap();
    assert_eq!(read["read"], 1);
    let again = alice.send_with(&bob.id, "once", "k-1").await.unwrap();
    assert_eq!(again["status"], "read");
    assert!(again["readAt"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sender_has_ids_of_their_own() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.send_with(&bob.id, "hi", "k-1").await.unwrap();
    let back = bob.send_with(&alice.id, "hi", "k-1").await.unwrap();
    assert_eq!(back["seq"], 2);
    assert!(back.get("duplicate").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_ack_a_repeat_is_silent_and_a_conflict_an_error() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.send_with(&bob.id, "once", "k-1").await.unwrap();
    alice.client.expect_envelope("new-message").await;
    let payload = |text: &str| json!({ "userId": bob.id, "message": text, "clientId": "k-1" });
    alice.client.emit("send-message", payload("once")).unwrap();
    alice.client.emit("send-message", payload("other")).unwrap();
    let error = alice.client.expect_envelope("error").await;
    assert_eq!(error["code"], "client-id-conflict");
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_one_to_sixty_four_printable_ascii_characters() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let payload = |id: Value| json!({ "userId": bob.id, "message": "x", "clientId": id });
    let longest = " ~".repeat(32);
    for id in ["k", longest.as_str(), "$ne", "{\"a\":1}"] {
        let sent = alice.ask("send-message", payload(json!(id))).await.unwrap();
        assert_eq!(sent["clientId"], id);
    }
    assert_eq!(alice.client.drain().len(), 4);
    let too_long = "k".repeat(65);
    for id in ["", &too_long, "ü", "a\nb", "a\u{7f}", "😀"] {
        let payload = payload(json!(id));
        assert_names_field(&alice, "send-message", "clientId", payload).await;
    }
    for id in [json!(5), json!({}), json!([]), json!(false)] {
        assert_names_field(&alice, "send-message", "clientId", payload(id)).await;
    }
    assert_eq!(server.messages().await.len(), 4);
}
