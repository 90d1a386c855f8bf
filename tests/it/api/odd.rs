//! Requests that nobody means: whatever a call does not take is refused.

use bson::{Document, doc};
use serde_json::{Value, json};

use super::openapi::operations;
use super::{Answer, server};
use crate::support::server::Server;

/// What is stored that a call could change, but for whether somebody is online.
async fn stored(server: &Server) -> Vec<Vec<Document>> {
    let users = server.dump("chatusers").await.into_iter();
    let users = users.map(|user| doc! { "user": user.get("user") });
    let mut stored = vec![users.collect()];
    for name in ["chatmessages", "chatprivacy"] {
        stored.push(server.dump(name).await);
    }
    stored
}

/// Asserts that a request is refused as a wrong one, and why.
fn is_refused(answer: &Answer, call: &str, why: &str) {
    assert_eq!(answer.outcome(), (400, "bad-request"), "{call}");
    assert_eq!(answer.body["stored"], "no", "{call}");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains(why), "{call}: {detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_or_a_body_that_a_call_does_not_take_is_refused_and_nothing_is_done() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "hello").await.unwrap();
    alice.client.wait_for("new-message").await;
    let before = stored(&server).await;

    let calls = [&alice.id, &sent["_id"], &sent["chatRoomId"]].map(operations);
    for call in calls.into_iter().flatten() {
        let (method, target) = (&*call.method, &*call.target);
        let asked = format!("{method} {target}");
        let dry = format!("{target}?dryRun=true");
        let body = if call.body.is_some() { "{}" } else { "" };
        let answer = back_end.call_as(method, &dry, &[], body).await;
        is_refused(&answer, &asked, "dryRun: unknown ");
        if call.body.is_none() {
            let answer = back_end.call_as(method, target, &[], "{}").await;
            is_refused(&answer, &asked, "this call takes no body");
        }
    }

    assert_eq!(stored(&server).await, before);
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_utf_8_is_refused() {
    let (server, back_end) = server().await;
    let alice = server.user("alice").await;
    let alice = alice.as_str().unwrap();
    let blocks = format!("/v1/users/{alice}/blocks");
    for (method, target, what) in [
        ("GET", "/v1/users/%ff".to_owned(), "path"),
        ("GET", "/v1/chat-rooms/%C3%28/messages".to_owned(), "path"),
        ("POST", "/v1/users/%80/erase".to_owned(), "path"),
        ("PUT", format!("{blocks}/%ff"), "path"),
        ("GET", format!("{blocks}?after=%ff"), "query"),
        (
            "GET",
            format!("/v1/chat-rooms?user={alice}&with=%ff"),
            "query",
        ),
        ("GET", "/v1/events?after=%ff".to_owned(), "query"),
        ("GET", "/v1/stats?%ff".to_owned(), "query"),
    ] {
        let answer = back_end.call(method, &target, &Value::Null).await;
        let why = format!("the {what} is not UTF-8");
        is_refused(&answer, &format!("{method} {target}"), &why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_a_path_obeys_the_rules_of_one_in_a_body() {
    let (server, back_end) = server().await;
    let alice = server.user("alice").await;
    let block = format!("/v1/users/{}/blocks/%7F", alice.as_str().unwrap());
    let long = format!("/v1/users/{}", "a".repeat(1_025));
    for (method, target, why) in [
        ("POST", "/v1/users/%00/erase", "id: must not hold control"),
        (
            "DELETE",
            "/v1/users/a%0Ab/sockets",
            "id: must not hold control",
        ),
        ("PUT", &*block, "other: must not hold control"),
        ("GET", &*long, "id: is longer than 1024 bytes"),
    ] {
        let answer = back_end.call(method, target, &Value::Null).await;
        is_refused(&answer, &format!("{method} {target}"), why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_two_headers_or_in_other_characters_is_refused() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let send = json!({ "from": alice, "to": bob, "message": "hello" }).to_string();
    let [one, two] = ["one", "two"].map(|key| ("idempotency-key", key));
    let other = ("idempotency-key", "schlüssel");
    for (headers, why) in [
        (&[one, two][..], "`Idempotency-Key` is there more than once"),
        (&[other], "key: must be printable ASCII"),
    ] {
        let answer = back_end
            .call_as("POST", "/v1/messages", headers, &send)
            .await;
        is_refused(&answer, why, why);
    }
    assert_eq!(server.messages().await.len(), 0);
}
