//! What was acknowledged is heard of, whatever was killed.

use std::time::Duration;

use serde_json::Value;

use super::super::{BackEnd, free_addr, key_file};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll::until;
use chatzz::config::ApiScope;

/// How long another server may take to write what a dead one left behind.
const SWEPT: Duration = Duration::from_secs(30);

fn ids_of(events: &[Value]) -> impl Iterator<Item = Value> {
    let messages = events.iter().map(|one| &one["data"]["message"]);
    messages.map(|message| message["_id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_acknowledged_is_heard_at_another_one() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (file, keys) = key_file(&[&ApiScope::ALL]);
    let start = async |name: &str| {
        let addr = free_addr();
        let listen = addr.to_string();
        let mut settings = database.keys().to_vec();
        settings.extend([
            ("CHATZZ_NODE_ID", name),
            ("CHATZZ_LEASE", "3s"),
            ("CHATZZ_API_LISTEN", listen.as_str()),
            ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
        ]);
        (Binary::serve(&settings).await, BackEnd::new(addr, &keys[0]))
    };
    let ((one, first), (_two, second)) = (start("one").await, start("two").await);
    let cursor = second.events("head", "").await.cursor;

    let mut acknowledged: Vec<Value> = Vec::new();
    for number in 0..20 {
        let number = number.to_string();
        let sent = first.send(&alice, &bob, &number, &number).await;
        assert_eq!(sent.status, 201);
        acknowledged.push(sent.body["_id"].clone());
    }
    one.kill().await;

    let heard = until("every message is heard of", SWEPT, async || {
        let page = second.events(&cursor, "&types=message.created").await;
        let mut ids: Vec<Value> = Vec::new();
        for id in ids_of(&page.events) {
            // what was written once more has the same id
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        (ids.len() >= acknowledged.len()).then_some(ids)
    });
    assert_eq!(heard.await, acknowledged);
}
