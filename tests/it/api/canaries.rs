//! Neither a key nor a text appears in the log; each call that changes something is one line.

use serde_json::json;

use super::{BackEnd, free_addr, key_file};
use crate::support::binary::Binary;
use crate::support::canary;
use crate::support::database::TestDatabase;
use chatzz::config::{ApiKey, ApiScope};

/// The key, which nothing may repeat.
const KEY: &str = "canary-of-the-api-0123456789";
/// A text, which is answered but not logged.
const TEXT: &str = "canary-of-texts-sent-by-http";

#[tokio::test(flavor = "multi_thread")]
async fn each_call_that_changes_something_is_one_line_without_texts_and_keys() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (file, _) = key_file(&[]);
    let line = ApiKey::new("shop", ApiScope::ALL.to_vec(), KEY).unwrap();
    std::fs::write(&file, line.line()).unwrap();
    let addr = free_addr();
    let listen = addr.to_string();
    let mut settings = database.keys().to_vec();
    settings.extend([
        ("CHATZZ_LOG", "trace"),
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ]);
    let server = Binary::serve(&settings).await;
    let back_end = BackEnd::new(addr, KEY);

    let sent = back_end.send(&alice, &bob, TEXT, TEXT).await;
    let message = json!({ "from": alice, "to": bob, "message": TEXT, "key": "2" });
    let batch = json!({ "messages": [message, message] });
    back_end.call("POST", "/v1/messages/batch", &batch).await;
    let odd = json!({ "from": { "$ne": TEXT }, "to": TEXT, "message": [TEXT], "key": TEXT });
    let refused = back_end.call("POST", "/v1/messages", &odd).await;
    BackEnd::new(addr, TEXT).get("/v1/openapi.json").await;
    back_end
        .get(&format!(
            "/v1/messages/{}",
            sent.body["_id"].as_str().unwrap()
        ))
        .await;
    let users = json!({ "users": [alice] });
    back_end.call("POST", "/v1/presence", &users).await;
    let ended = server.terminate().await;

    assert_eq!(sent.status, 201);
    canary::assert_unsaid("a refusal", &refused.body.to_string());
    canary::assert_unsaid("the log", &ended.err);
    let lines: Vec<&str> = ended
        .err
        .lines()
        .filter(|line| line.contains("API call"))
        .collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in &lines {
        assert!(line.contains("shop"), "{line}");
    }
    assert!(lines[0].contains("sendMessage"), "{}", lines[0]);
    assert!(
        lines[0].contains(sent.body["_id"].as_str().unwrap()),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("2 of 2 sent"), "{}", lines[1]);
    assert!(lines[2].contains("bad-request"), "{}", lines[2]);
}
