//! What a call about something that is not there is answered: calls × objects × servers.

use bson::doc;
use bson::oid::ObjectId;
use serde_json::{Value, json};

use super::BackEnd;
use super::servers::{Two, two};
use chatzz::config::ApiScope;

/// What a call takes beside the id in its path; `other` is a user who exists.
fn body(path: &str, other: &Value) -> Value {
    match path.rsplit('/').next().unwrap() {
        "read" | "delivered" => json!({ "with": other, "upTo": 1 }),
        "privacy" => json!({ "whitelistOnly": true }),
        "signals" => json!({ "data": 1 }),
        _ => json!({}),
    }
}

/// Every call with an id in its path, with its body. Two are not among them: whoever is not
/// there is erased already, and has no sockets.
fn calls(other: &Value) -> Vec<(String, String, Value)> {
    let document = chatzz::spec::openapi();
    let paths = document["paths"].as_object().unwrap();
    let mut calls = Vec::new();
    for (path, methods) in paths {
        if !path.contains("{id}") || path.ends_with("/erase") || path.ends_with("/sockets") {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap() {
            let path = path.replace("{other}", other.as_str().unwrap());
            let body = match operation["requestBody"] {
                Value::Null => Value::Null,
                _ => body(&path, other),
            };
            calls.push((method.to_uppercase(), path, body));
        }
    }
    assert!(calls.len() >= 17, "{}", calls.len());
    calls
}

/// What is no user, no message and no chat room.
fn objects(alice: &Value) -> Vec<(&'static str, String)> {
    let of_somebody = alice.as_str().unwrap();
    vec![
        ("nothing", ObjectId::new().to_hex()),
        ("no id", "%20".to_owned()),
        ("an operator", "%7B%22%24ne%22%3Anull%7D".to_owned()),
        ("a path", "..%2F..%2Fv1%2Fstats".to_owned()),
        ("too long", "a".repeat(1_025)),
        // for what is about messages and chat rooms
        ("a user", of_somebody.to_owned()),
    ]
}

/// Asserts that a call about what is not there is refused, alike at both servers.
async fn is_refused(servers: &[BackEnd; 2], method: &str, target: &str, body: &Value) {
    let mut outcomes = Vec::new();
    for server in servers {
        let answer = server.call(method, target, body).await;
        let (status, code) = answer.outcome();
        assert!(
            [
                (404, "user-not-found"),
                (404, "message-not-found"),
                (404, "no-chat-room")
            ]
            .contains(&(status, code))
                || [
                    (404, "letter-not-found"),
                    (404, "not-found"),
                    (400, "bad-request")
                ]
                .contains(&(status, code)),
            "{method} {target}: {answer:?}"
        );
        if method != "GET" {
            assert_eq!(answer.body["stored"], "no", "{method} {target}: {answer:?}");
        }
        outcomes.push((status, code.to_owned()));
    }
    assert_eq!(outcomes[0], outcomes[1], "{method} {target}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_alike_at_both_servers_and_nothing_is_stored() {
    let Two {
        database,
        servers: _servers,
        back_ends,
        alice,
        bob,
    } = two(&ApiScope::ALL).await;
    let sent = back_ends[0].send(&alice, &bob, "hello", "key").await;
    assert_eq!(sent.status, 201);
    let stored = async || {
        let mut stored = Vec::new();
        for name in ["chatusers", "chatmessages", "chatprivacy"] {
            stored.push(database.dump(name).await);
        }
        // what follows from the message is written a moment later
        let rooms = database.dump("chatrooms").await.into_iter();
        stored.push(rooms.map(|room| doc! { "_id": room.get("_id") }).collect());
        stored
    };
    let before = stored().await;

    let mut cells = 0;
    for (method, path, body) in calls(&bob) {
        for (what, id) in objects(&alice) {
            if what == "a user" && path.contains("/users/") {
                continue;
            }
            let target = path.replace("{id}", &id);
            is_refused(&back_ends, &method, &target, &body).await;
            cells += 1;
        }
    }
    // somebody who is there, and has no chat room with the other
    let carol = database.user("carol").await;
    for verb in ["read", "delivered"] {
        let target = format!("/v1/users/{}/{verb}", carol.as_str().unwrap());
        let with_bob = json!({ "with": bob, "upTo": 1 });
        is_refused(&back_ends, "POST", &target, &with_bob).await;
        cells += 1;
    }
    assert!(cells > 90, "{cells}");
    assert_eq!(stored().await, before);
}
