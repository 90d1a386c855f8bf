//! An HTTP API that does not store what it acknowledges, to see that it is detected.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::support::run;

/// What it does wrong with the third message, and only that one.
#[derive(Clone, Copy, Debug)]
enum Lie {
    Forget,
    StoreTwice,
    NotAnswer,
    Refuse,
}

type Stored = Arc<Mutex<(Lie, Vec<Value>)>>;

#[tokio::test]
async fn a_message_that_was_acknowledged_and_is_not_there_is_noticed() {
    is_noticed(Lie::Forget, "lost").await;
}

#[tokio::test]
async fn a_message_that_was_stored_twice_is_noticed() {
    is_noticed(Lie::StoreTwice, "duplicate").await;
}

#[tokio::test]
async fn a_message_without_a_result_is_noticed() {
    is_noticed(Lie::NotAnswer, "lost").await;
}

#[tokio::test]
async fn a_message_that_is_refused_is_noticed() {
    is_noticed(Lie::Refuse, "errors").await;
}

async fn is_noticed(lie: Lie, check: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stored = Arc::new(Mutex::new((lie, Vec::new())));
    let router = Router::new().fallback(answer).with_state(stored);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mode =
        format!("api --api {addr} --warm-up 0.1 --seconds 0.4 --pairs 1 --in-flight 1 --batch 5");
    let ran = run(&mode).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found = ran.report["checks"][check].as_u64().unwrap();
    assert!(found > 0, "{ran:?}");
}

async fn answer(State(stored): State<Stored>, uri: Uri, body: String) -> String {
    let (lie, stored) = &mut *stored.lock().unwrap();
    if uri.path().ends_with("/batch") {
        return batch(*lie, stored, &body);
    }
    if uri.path().ends_with("/messages") {
        let query = uri.query().unwrap();
        let after = query.split('&').find_map(|one| one.strip_prefix("after="));
        let after: u64 = after.unwrap().parse().unwrap();
        let later = stored
            .iter()
            .filter(|one| one["seq"].as_u64() > Some(after));
        let page: Vec<_> = later.take(100).collect();
        return json!({ "messages": page, "hasMore": false }).to_string();
    }
    json!({ "_id": "room" }).to_string()
}

fn batch(lie: Lie, stored: &mut Vec<Value>, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let mut results = Vec::new();
    for sent in body["messages"].as_array().unwrap() {
        let seq = stored.len() + 1;
        let message = json!({ "message": sent["message"], "seq": seq });
        let is_third = seq == 3;
        match lie {
            Lie::Forget if is_third => stored.push(json!({ "message": "", "seq": seq })),
            Lie::StoreTwice if is_third => {
                stored.push(message.clone());
                stored.push(json!({ "message": sent["message"], "seq": seq + 1 }));
            }
            _ => stored.push(message.clone()),
        }
        match lie {
            Lie::NotAnswer if is_third => {}
            Lie::Refuse if is_third => results.push(json!({ "status": 403, "problem": {} })),
            _ => results.push(json!({ "status": 201, "message": message })),
        }
    }
    json!({ "results": results }).to_string()
}
