//! Calls while the database hangs.

use std::time::Duration;

use futures::future::join_all;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::openapi::operations;
use super::servers::two_on;
use crate::support::database::TestDatabase;
use crate::support::mongod;
use chatzz::config::ApiScope;

/// The time limit of a request and what a call is waited for beyond it, and a slow machine.
const ANSWERED: Duration = Duration::from_secs(7);

/// Those that take as long as there is something to do, or to wait for.
const UNTIMED: [&str; 5] = ["/import", "/export", "/erase", "/redact", "/events"];

/// What a call takes, so that it gets as far as the database.
fn body(target: &str, who: &Value, other: &Value) -> Value {
    let send = json!({ "from": who, "to": other, "message": "again", "key": "2" });
    match target.rsplit('/').next().unwrap() {
        "messages" => send,
        "batch" => json!({ "messages": [send] }),
        "chat-rooms" => json!({ "from": who, "to": other }),
        "presence" | "unread" => json!({ "users": [who] }),
        "read" | "delivered" => json!({ "with": other, "upTo": 1 }),
        "privacy" => json!({ "whitelistOnly": true }),
        "signals" => json!({ "data": 1 }),
        _ => Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_answered_in_time_and_says_whether_it_may_have_been_done() {
    let mongod = mongod::start("hanging-api", |options| options).await;
    let database = TestDatabase::on(&mongod.uri()).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let [(_one, back_end), _two] = two_on(&database, &ApiScope::ALL, &[]).await;
    let sent = back_end.send(&alice, &bob, "hello", "1").await;
    let message = format!("/v1/messages/{}", sent.body["_id"].as_str().unwrap());
    let redact = format!("{message}/redact");

    mongod.signal(Signal::SIGSTOP).unwrap();
    let began = Instant::now();
    let answers = tokio::join!(
        back_end.get(&message),
        back_end.send(&alice, &bob, "again", "2"),
        back_end.call("POST", &redact, &Value::Null),
    );
    let took = began.elapsed();
    // each is answered with something that is documented
    let calls = operations(&alice).into_iter();
    let calls = calls.filter(|call| !UNTIMED.iter().any(|end| call.target.ends_with(end)));
    let calling = calls.map(async |call| {
        let body = match call.body {
            Some(_) => body(&call.target, &alice, &bob),
            None => Value::Null,
        };
        back_end.call(&call.method, &call.target, &body).await
    });
    let others = join_all(calling).await;
    mongod.signal(Signal::SIGCONT).unwrap();

    assert!(took < ANSWERED, "{took:?}");
    assert_eq!(answers.0.status, 503, "{:?}", answers.0);
    assert_eq!(answers.0.body["stored"], "no");
    for changing in [answers.1, answers.2] {
        assert!([503, 504].contains(&changing.status), "{changing:?}");
        let stored = if changing.status == 503 {
            "no"
        } else {
            "perhaps"
        };
        assert_eq!(changing.body["stored"], stored, "{changing:?}");
    }
    let late = others.iter().filter(|answer| answer.status >= 503).count();
    assert!(late > 15, "{late}");
}
