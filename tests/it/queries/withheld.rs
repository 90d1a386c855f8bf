//! What withheld messages make the database do beside what it does anyway.

use bson::Document;
use serde_json::json;

use super::{number, profile, profiled};
use crate::support::server::Server;

/// Withheld messages in each of the two chat rooms.
const WITHHELD: i64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn passing_over_what_is_withheld_scans_no_collection_and_sorts_nothing() {
    let server = Server::with(&[("CHATZZ_BLOCKED_SENDS", "withhold")]).await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    carol.add(&bob.id).await.unwrap();
    for person in [&alice, &carol] {
        let whom = json!({ "userId": person.id });
        person.send(&bob.id, "before").await.unwrap();
        bob.ask("block-user", whom.clone()).await.unwrap();
        for _ in 0..WITHHELD {
            person.send(&bob.id, "withheld").await.unwrap();
        }
        if person.id == alice.id {
            bob.ask("unblock-user", whom).await.unwrap();
            person.send(&bob.id, "after").await.unwrap();
            bob.ask("block-user", json!({ "userId": person.id }))
                .await
                .unwrap();
            person.send(&bob.id, "withheld").await.unwrap();
        }
    }
    profile(&server).await;

    let (bob, details) = server.arrive(&bob.id).await;
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    let read = bob.read_up_to(&alice.id, 7).await.unwrap();
    let entries = profiled(&server).await;

    let last = details["connectedUsers"].as_array().unwrap().iter();
    let last: Vec<_> = last.map(|one| &one["lastMessage"]["seq"]).collect();
    assert_eq!(last, [1, 7], "newest conversation first");
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    assert_eq!(read, json!({ "read": 2 }));
    for entry in &entries {
        let plan = entry.get_str("planSummary").unwrap_or_default();
        assert!(!plan.contains("COLLSCAN"), "a collection scan: {entry}");
        let sorts = entry.get_bool("hasSortStage").unwrap_or_default();
        assert!(!sorts, "it sorts: {entry}");
    }
    // the positions to cut a receipt around are looked for in its own range alone
    let cuts = |entry: &&Document| {
        let command = entry.get_document("command").cloned().unwrap_or_default();
        command.contains_key("aggregate")
            && command.to_string().contains("000000000000000000000000")
            && !command.to_string().contains("$unionWith")
            && command.to_string().contains("$project")
    };
    let cuts = entries.iter().filter(cuts);
    let costs = cuts.map(|entry| (number(entry, "docsExamined"), number(entry, "nreturned")));
    assert_eq!(costs.collect::<Vec<_>>(), [(7, WITHHELD)]);
}
