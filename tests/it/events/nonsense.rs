//! Every event gets exactly one answer, nonsense too.

use serde_json::{Value, json};

use crate::support::contract::{self, fields};
use crate::support::frame::{Client, ConnectOptions, Eio, PATIENCE, Transport};
use crate::support::server::Server;
use crate::support::user::{Person, outcome, refusal};

/// Events whose payload has to be an object with something in it.
fn events() -> impl Iterator<Item = String> {
    // `message-read` takes one of two shapes, each with something in it
    let has_to = |event: &String| event == "message-read" || !fields(event, true).is_empty();
    contract::events().into_iter().filter(has_to)
}

/// What no event takes as its payload.
fn no_payloads() -> Vec<Value> {
    vec![
        json!(null),
        json!(5),
        json!("text"),
        json!(true),
        json!([]),
        json!([{ "userId": "x" }]),
        json!({}),
        json!({ "userid": "x", "usertoadd": "x" }),
    ]
}

/// Sends a frame with an ack and one without; both must be bad requests.
async fn assert_bad_both_ways(person: &Person, event: &str, arguments: &str) {
    let (id, ack) = person.client.reserve_ack().unwrap();
    person
        .client
        .emit_raw(format!("42{id}{arguments}"))
        .unwrap();
    let (code, _) = refusal(outcome(ack.await));
    assert_eq!(code, "bad-request", "{arguments}");
    // a second ack would close the connection, an envelope beside it is seen here
    person.client.assert_silent_for_roundtrip().await;

    person.client.emit_raw(format!("42{arguments}")).unwrap();
    let error = person.client.expect_envelope("error").await;
    assert_eq!(error["code"], "bad-request", "{arguments}");
    assert_eq!(error["event"], event, "{arguments}");
    person.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_makes_no_sense_is_a_bad_request_once() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    assert!(events().count() >= 11, "{:?}", events().collect::<Vec<_>>());
    for event in events() {
        assert_bad_both_ways(&alice, &event, &json!([event]).to_string()).await;
        for payload in no_payloads() {
            let arguments = json!([event, payload]).to_string();
            assert_bad_both_ways(&alice, &event, &arguments).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_is_a_bad_request_once() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for event in ["", "no-such-event", "chatzz", "Connect-User", "constructor"] {
        for arguments in [json!([event]), json!([event, {}]), json!([event, 1, 2])] {
            assert_bad_both_ways(&alice, event, &arguments.to_string()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_holds_no_event_closes_the_connection() {
    let server = Server::start().await;
    for frame in [
        "42[1]",
        "42[null,{}]",
        "42[]",
        "42{}",
        "42",
        "42[\"x\"",
        "49[]",
        "9",
    ] {
        let client = server.client().await;
        client.emit_raw(frame).unwrap();
        client.closed(PATIENCE).await.expect(frame);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_name_is_cut_in_the_answer() {
    let server = Server::start().await;
    let client = server.client().await;
    client.emit(&"ü".repeat(10_000), json!({})).unwrap();
    let error = client.expect_envelope("error").await;
    assert_eq!(error["event"], "ü".repeat(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_given_twice_is_a_bad_request() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let (a, b) = (&alice.id, &bob.id);
    let twice = format!(r#"["send-message",{{"userId":{b},"userId":{a},"message":"x"}}]"#);
    assert_bad_both_ways(&alice, "send-message", &twice).await;
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_character_is_a_bad_request_that_names_the_field() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for event in events() {
        for field in fields(&event, true) {
            if field == "data" {
                continue; // passed on as it is
            }
            // what `\u` says is no character by itself
            let arguments = format!(r#"["{event}",{{"{field}":"hi \ud83d"}}]"#);
            let (id, ack) = alice.client.reserve_ack().unwrap();
            alice.client.emit_raw(format!("42{id}{arguments}")).unwrap();
            let (code, message) = refusal(outcome(ack.await));
            assert_eq!(code, "bad-request", "{arguments}");
            assert!(!message.contains("hex"), "{arguments}: {message}");
            let begin = format!("{field}: holds half of a surrogate pair");
            assert!(message.starts_with(&begin), "{arguments}: {message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_any_depth_or_width_is_answered() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let wide: Vec<String> = (0..1_000).map(|n| format!("\"k{n}\":{n}")).collect();
    for value in [deep.clone(), format!("{{{}}}", wide.join(","))] {
        let arguments = format!(r#"["add-chat-user",{{"userToAdd":{value}}}]"#);
        assert_bad_both_ways(&alice, "add-chat-user", &arguments).await;
    }
    let arguments = format!(r#"["add-chat-user",{{"userToAdd":"nobody","ignored":{deep}}}]"#);
    let (id, ack) = alice.client.reserve_ack().unwrap();
    alice.client.emit_raw(format!("42{id}{arguments}")).unwrap();
    assert!(outcome(ack.await).is_err());
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_attachment_is_a_bad_request() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let polling = ConnectOptions::new(server.addr()).over((Eio::V4, Transport::Polling));
    let client = Client::connect(polling).await.unwrap();
    let alice = Person::new(client, alice.id);
    alice.login().await.unwrap();
    alice.client.expect_envelope("user-details").await;
    let placeholder = json!({ "_placeholder": true, "num": 0 });
    let payload = json!({ "userId": bob.id, "message": placeholder });
    let (id, ack) = alice.client.reserve_ack().unwrap();
    let event = json!(["send-message", payload]);
    alice.client.emit_raw(format!("451-{id}{event}")).unwrap();
    alice.client.emit_raw("baGVsbG8=").unwrap();
    let (code, message) = refusal(outcome(ack.await));
    assert_eq!(code, "bad-request");
    assert!(message.contains("message"), "{message}");
    alice.client.assert_silent_for_roundtrip().await;
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ack_nobody_asked_for_is_ignored() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    for id in [0, 1, 99] {
        alice.client.ack(id, &[json!("what?")]).unwrap();
    }
    alice.send(&bob.id, "still here").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_everything_is_answered_in_order() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.client.drain();
    let payloads = [
        ("send-message", json!({ "userId": bob.id, "message": "x" })),
        ("send-message", json!({ "userId": bob.id })),
        ("no-such-event", json!({})),
        ("get-old-messages", json!({ "userId": bob.id, "after": 0 })),
        ("message-read", json!({ "userId": bob.id, "upTo": 1 })),
    ];
    let acks: Vec<_> = std::iter::repeat_n(&payloads, 20)
        .flatten()
        .map(|(event, payload)| alice.client.emit_ack_pipelined(event, payload))
        .collect();
    let answers = futures::future::join_all(acks).await;
    let answers: Vec<_> = answers.into_iter().map(outcome).collect();
    for (round, answers) in answers.chunks(5).enumerate() {
        assert_eq!(answers[0].as_ref().unwrap()["seq"], round + 1);
        assert_eq!(answers[1].as_ref().unwrap_err()["code"], "bad-request");
        assert_eq!(answers[2].as_ref().unwrap_err()["code"], "bad-request");
        assert!(answers[3].is_ok());
        assert_eq!(answers[4].as_ref().unwrap()["read"], 0);
    }
    assert_eq!(server.messages().await.len(), 20);
}
