//! Calls while the database hangs.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::Instant;

use super::servers::two_on;
use crate::support::database::TestDatabase;
use crate::support::mongod;
use chatzz::config::ApiScope;

/// The time limit of a request and what a call is waited for beyond it, and a slow machine.
const ANSWERED: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_answered_in_time_and_says_whether_it_may_have_been_done() {
    let mongod = mongod::start("hanging-api", |options| options).await;
    let database = TestDatabase::on(&mongod.uri()).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let scopes = [ApiScope::Send, ApiScope::Read, ApiScope::Manage];
    let [(_one, back_end), _two] = two_on(&database, &scopes, &[]).await;
    let sent = back_end.send(&alice, &bob, "hello", "1").await;
    let message = format!("/v1/messages/{}", sent.body["_id"].as_str().unwrap());
    let redact = format!("{message}/redact");
    let nothing = json!({});

    mongod.signal(Signal::SIGSTOP).unwrap();
    let began = Instant::now();
    let answers = tokio::join!(
        back_end.get(&message),
        back_end.send(&alice, &bob, "again", "2"),
        back_end.call("POST", &redact, &nothing),
    );
    let took = began.elapsed();
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
}
