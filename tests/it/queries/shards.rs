//! What has to hold for the collections to be sharded. Nothing here runs through a
//! `mongos`: it is looked at what would be routed to one shard.

use std::collections::BTreeMap;

use bson::{Bson, Document};
use serde_json::json;

use super::{everything_profiled, profile};
use crate::support::poll::eventually;
use crate::support::server::Server;

/// The shard key of each collection that grows.
const SHARD_KEYS: [(&str, &str); 3] = [
    ("chatmessages", "chatRoom"),
    ("chatrooms", "pair"),
    ("chatusers", "user"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_unique_index_begins_with_the_shard_key() {
    let server = Server::start().await;
    for (collection, key) in SHARD_KEYS {
        let indexes = server.collection(collection).list_indexes().await.unwrap();
        let indexes: Vec<mongodb::IndexModel> =
            futures::TryStreamExt::try_collect(indexes).await.unwrap();
        let unique = indexes.iter().filter(|index| {
            let options = index.options.as_ref();
            options.is_some_and(|options| options.unique == Some(true))
        });
        let mut seen = 0;
        for index in unique {
            let first = index.keys.keys().next().unwrap();
            assert_eq!(first, key, "{collection}: {index:?}");
            seen += 1;
        }
        assert!(seen > 0, "{collection} has a unique index");
    }
}

/// What a command names: the parts of it that a router goes by.
fn routed_by(entry: &Document) -> String {
    let command = entry.get_document("command").cloned().unwrap_or_default();
    let mut parts = Vec::new();
    for field in ["filter", "q", "query", "pipeline"] {
        parts.extend(command.get(field).map(Bson::to_string));
    }
    parts.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_message_asks_names_the_shard_key() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    // what is queried once per chat room, and then cached
    alice.send(&bob.id, "first").await.unwrap();
    bob.read_up_to(&alice.id, 1).await.unwrap();
    bob.history(json!({ "userId": alice.id })).await.unwrap();
    server.wait_for_cursor(&bob.id, 1).await;
    profile(&server).await;

    alice.send_with(&bob.id, "second", "key").await.unwrap();
    alice.send_with(&bob.id, "second", "key").await.unwrap();
    bob.read_up_to(&alice.id, 2).await.unwrap();
    bob.delivered_up_to(&alice.id, 2).await.unwrap();
    for query in [
        json!({}),
        json!({ "before": 2 }),
        json!({ "date": "2000-01-01" }),
    ] {
        let mut query = query;
        query["userId"] = bob.id.clone();
        alice.history(query).await.unwrap();
    }
    // written behind, too
    eventually("the head is written", async || {
        let room = server.dump("chatrooms").await.remove(0);
        (room.get_i64("lastSeq").ok() == Some(2)).then_some(())
    })
    .await;
    server.wait_for_cursor(&bob.id, 2).await;

    let entries = everything_profiled(&server).await;
    let mut seen: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for entry in &entries {
        let operation = entry.get_str("op").unwrap_or_default();
        let space = entry.get_str("ns").unwrap_or_default();
        let known = SHARD_KEYS.iter().find(|(name, _)| space.ends_with(name));
        let Some((collection, key)) = known else {
            continue;
        };
        // the test's own look at the chat rooms has no filter
        let routed_by = routed_by(entry);
        if operation == "insert" || routed_by.is_empty() || routed_by == "{}" {
            continue;
        }
        assert!(
            routed_by.contains(&format!("\"{key}\"")),
            "a broadcast: {entry}"
        );
        *seen.entry((collection, operation.to_owned())).or_default() += 1;
    }
    for wanted in [
        ("chatmessages", "query"),
        ("chatrooms", "query"),
        ("chatrooms", "update"),
    ] {
        let wanted = (wanted.0, wanted.1.to_owned());
        assert!(seen.contains_key(&wanted), "{wanted:?} in {seen:?}");
    }
}
