//! `kind` and `data`: messages of the application's own kinds (chat-service 2, chitchat 12).

use std::path::PathBuf;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use chatzz::config::{Config, Mode};

use crate::support::places;
use crate::support::server::Server;
use crate::support::user::{Person, outcome, refusal};

/// A file of kinds.
fn kinds_file(name: &str, kinds: &Value) -> PathBuf {
    let folder = places::temporary().join("kinds");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}-{}.json", std::process::id()));
    std::fs::write(&path, kinds.to_string()).unwrap();
    path
}

async fn server(name: &str) -> Server {
    let kinds = json!({
        "location": {
            "type": "object",
            "properties": {
                "lat": { "type": "number", "minimum": -90, "maximum": 90 },
                "lon": { "type": "number" },
            },
            "required": ["lat", "lon"],
            "additionalProperties": false,
        },
        "wave": { "maxProperties": 0 },
    });
    let path = kinds_file(name, &kinds);
    Server::with(&[("CHATZZ_KINDS_FILE", path.to_str().unwrap())]).await
}

async fn send(person: &Person, to: &Value, more: Value) -> Result<Value, Value> {
    let mut payload = json!({ "userId": to, "message": "I am here" });
    payload
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    person.ask("send-message", payload).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_kind_is_shown_everywhere_as_it_was_sent() {
    let server = server("shown").await;
    let (alice, bob) = server.pair().await;
    // a number that a parser would write in another way
    let data = r#"{ "lon": 1.50, "lat": 4.0e1 }"#;
    let payload = format!(
        r#"{{"userId":{},"message":"I am here","kind":"location","data":{data}}}"#,
        bob.id
    );
    let payload = RawValue::from_string(payload).unwrap();

    let sent = alice.client.emit_ack_pipelined("send-message", payload);

    outcome(sent.await).unwrap();
    let heard = bob.client.expect_envelope("new-message").await;
    assert_eq!(heard["kind"], "location");
    assert_eq!(heard["data"], json!({ "lat": 40.0, "lon": 1.5 }));
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(page["messages"][0]["data"], heard["data"]);
    let stored = &server.messages().await[0];
    assert_eq!(stored.get_str("data").unwrap(), data);
    let (_, details) = server.arrive(&bob.id).await;
    let last = &details["connectedUsers"][0]["lastMessage"];
    assert_eq!(
        (&last["kind"], &last["data"]),
        (&json!("location"), &heard["data"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_kind_does_not_allow_is_refused_and_nothing_is_stored() {
    let server = server("refused").await;
    let (alice, bob) = server.pair().await;
    let refused = [
        (json!({ "kind": "poll" }), "kind: "),
        (json!({ "kind": 5 }), "kind: "),
        (json!({ "data": {} }), "data: "),
        (json!({ "kind": "location" }), "data: "),
        (json!({ "kind": "location", "data": [] }), "data: "),
        (
            json!({ "kind": "location", "data": { "lat": 91, "lon": 0 } }),
            "data.lat: ",
        ),
        (
            json!({ "kind": "location", "data": { "lat": 1, "lon": 0, "x": "y".repeat(20_000) } }),
            "data: is longer than 16384 bytes",
        ),
    ];
    for (more, start) in refused {
        let (code, text) = refusal(send(&alice, &bob.id, more.clone()).await);
        assert_eq!(code, "bad-request", "{more}");
        assert!(text.starts_with(start), "{more}: {text}");
    }
    assert!(server.messages().await.is_empty());
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_other_data_is_another_message() {
    let server = server("repeat").await;
    let (alice, bob) = server.pair().await;
    let at =
        |lat: i32| json!({ "kind": "location", "clientId": "a", "data": { "lat": lat, "lon": 1 } });
    let sent = send(&alice, &bob.id, at(1)).await.unwrap();

    let again = send(&alice, &bob.id, at(1)).await.unwrap();
    let other = send(&alice, &bob.id, at(2)).await;
    let none = send(&alice, &bob.id, json!({ "clientId": "a" })).await;

    assert_eq!(again["_id"], sent["_id"]);
    assert_eq!(again["duplicate"], true);
    for conflict in [other, none] {
        assert_eq!(refusal(conflict).0, "client-id-conflict");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_learns_whether_there_are_kinds() {
    let server = server("features").await;
    let alice = server.user("alice").await;
    let person = server.socket_of(&alice).await;

    let answer = person.login().await.unwrap();

    assert_eq!(
        answer["features"],
        json!(["changes", "compact", "envelope", "kinds"])
    );
    let without = Server::start().await;
    let (alice, bob) = without.pair().await;
    let refused = send(&alice, &bob.id, json!({ "kind": "wave" })).await;
    assert_eq!(refusal(refused).0, "bad-request");
}

#[test]
fn a_file_of_kinds_that_cannot_be_used_is_named_at_the_start() {
    let path = kinds_file("wrong", &json!({ "Place": true }));
    let lookup =
        |key: &str| (key == "CHATZZ_KINDS_FILE").then(|| path.to_str().unwrap().to_owned());
    let names = ["CHATZZ_KINDS_FILE".to_owned()].into_iter();

    let read = Config::from_lookup(lookup, names, Mode::Serve);

    let text = read.map(drop).unwrap_err().to_string();
    assert!(text.contains("CHATZZ_KINDS_FILE"), "{text}");
    assert!(text.contains("`Place` cannot be a kind"), "{text}");
}
