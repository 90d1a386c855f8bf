//! What was acknowledged is heard of, whatever was killed.

use std::time::Duration;

use serde_json::Value;

use super::two;
use crate::support::database::TestDatabase;
use crate::support::poll::until;

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
    let [(one, first), (_two, second)] = two(&database, &[]).await;
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
