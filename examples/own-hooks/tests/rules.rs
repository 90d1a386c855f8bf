//! The program, as people notice it.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a failed assumption of a test is a failed test"
)]

use std::path::Path;

use chatzz_testkit::binary::Binary;
use chatzz_testkit::database::TestDatabase;
use serde_json::json;

const SECRET: &str = "whsec_d3JpdGUtMzItb3RoZXItcmFuZG9tLWJ5dGVz";

#[tokio::test(flavor = "multi_thread")]
async fn links_are_refused_swear_words_replaced_and_what_is_stored_is_heard_of() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let mut keys = database.keys().to_vec();
    keys.push(("OWN_HOOKS_SECRET", SECRET));
    let program = Path::new(env!("CARGO_BIN_EXE_own-hooks"));
    let server = Binary::serve_by(program, &keys).await;
    let (alice, _) = server.login(&alice).await;
    alice.add(&bob).await.unwrap();

    let refused = alice
        .send(&bob, "see https://example.org")
        .await
        .unwrap_err();
    assert_eq!(refused["code"], "refused");
    assert_eq!(refused["reason"], "Please do not send links.");
    assert_eq!(refused["meta"], json!({ "rule": "links" }));
    let replaced = alice.send_with(&bob, "oh darn", "c1").await.unwrap();
    assert_eq!(replaced["message"], "oh ***");
    let again = alice.send_with(&bob, "oh darn", "c1").await.unwrap();
    assert_eq!(again["duplicate"], true);
    let sent = alice.send(&bob, "hello").await.unwrap();
    assert_eq!(
        (&sent["message"], &sent["seq"]),
        (&json!("hello"), &json!(2))
    );
    assert_eq!(database.messages().await.len(), 2);
    assert_eq!(server.log().matches("a message was stored").count(), 2);
}
