//! What a block list costs, and how long it may get.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde_json::json;

use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_send_asks_the_database_nothing_but_to_store() {
    let rule = r#"{"collection":"friends","filter":{"a":"$from","b":"$to"}}"#;
    let server = Server::with(&[("CHATZZ_CONTACT_RULE", rule)]).await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let id = |id: &serde_json::Value| ObjectId::parse_str(id.as_str().unwrap()).unwrap();
    let friends = doc! { "a": id(&alice.id), "b": id(&bob.id) };
    server
        .collection("friends")
        .insert_one(friends)
        .await
        .unwrap();
    alice.add(&bob.id).await.unwrap();
    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    // where the log of events begins is asked once for each chat room
    eventually("it is in the log", async || {
        let room = server.dump("chatrooms").await.remove(0);
        (room.get_i64("logged").ok() == Some(2)).then_some(())
    })
    .await;
    let database = server.database();
    database.run_command(doc! { "profile": 2 }).await.unwrap();

    for text in ["three", "four", "five"] {
        alice.send(&bob.id, text).await.unwrap();
    }

    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let all = server.dump("system.profile").await;
    let asked = |entry: &Document| {
        let space = entry.get_str("ns").unwrap_or_default();
        let beside = [
            "chatzz_nodes",
            "chatzz_events",
            "chatzz_meta",
            "system.profile",
        ];
        let command = entry.get_document("command").cloned().unwrap_or_default();
        let reads = ["find", "aggregate", "count"]
            .iter()
            .any(|name| command.contains_key(name));
        reads && !beside.iter().any(|name| space.ends_with(name))
    };
    let reads: Vec<_> = all.iter().filter(|entry| asked(entry)).collect();
    assert!(reads.is_empty(), "{reads:#?}");
    let inserts = all.iter().filter(|entry| {
        let space = entry.get_str("ns").unwrap_or_default();
        entry.get_str("op").is_ok_and(|op| op == "insert") && space.ends_with("chatmessages")
    });
    assert_eq!(inserts.count(), 3, "the profiler saw the sends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_people_can_be_blocked_and_no_more() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    let member = server.chat_user(&alice.id).await;
    let many = (0..999).map(|_| {
        let (who, user) = (ObjectId::new(), ObjectId::new());
        doc! { "who": who, "user": user, "at": DateTime::from_millis(0) }
    });
    let document = doc! {
        "_id": member.get_object_id("_id").unwrap(),
        "version": 1_i64,
        "blocked": many.collect::<Vec<_>>(),
    };
    let collection = server.collection("chatprivacy");
    collection.insert_one(document).await.unwrap();

    alice.block(&bob.id).await.unwrap();
    let (code, text) = refusal(alice.block(&carol.id).await);

    assert_eq!(code, "bad-request");
    assert!(text.contains("1000"), "{text}");
    alice.block(&bob.id).await.unwrap();
    let listed = alice.ask("get-blocked-users", json!({})).await.unwrap();
    let users = listed["users"].as_array().unwrap();
    assert_eq!(users.len(), 1_000);
    assert_eq!(users[999]["_id"], bob.id);
    assert_eq!(users[0]["deleted"], true);
    alice.unblock(&bob.id).await.unwrap();
    alice.block(&carol.id).await.unwrap();
}
