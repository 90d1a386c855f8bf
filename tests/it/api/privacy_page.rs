//! `docs/privacy.md` names every collection that holds something of a person, and calls that
//! there are.

use serde_json::json;

use super::server;
use crate::support::places;

fn page() -> String {
    std::fs::read_to_string(places::repository().join("docs/privacy.md")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_collection_is_in_the_table_of_what_is_stored() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    alice.block(&bob.id).await.unwrap();
    back_end.get("/v1/events?after=oldest&wait=5s").await;
    let page = page();
    let table = page.lines().filter(|line| line.starts_with("| `"));
    let mut documented: Vec<&str> = table.filter_map(|line| line.split('`').nth(1)).collect();
    // leases of servers: nothing of a person; the application's own collection
    documented.extend(["chatzz_nodes", "users"]);

    let stored = server.database().list_collection_names().await.unwrap();

    assert!(stored.len() > 5, "{stored:?}");
    for name in stored {
        assert!(
            documented.contains(&name.as_str()),
            "{name}: {documented:?}"
        );
    }
}

#[test]
fn every_call_that_it_names_is_one() {
    let document = chatzz::spec::openapi();
    let page = page();
    let code = page.split('`').skip(1).step_by(2);
    let calls = code.filter_map(|code| code.split_once(" /v1/"));
    let mut count = 0;
    for (method, path) in calls {
        let operation = &document["paths"][format!("/v1/{path}")][method.to_lowercase()];
        assert_ne!(*operation, json!(null), "{method} /v1/{path}");
        count += 1;
    }
    assert!(count >= 4, "{count}");
}
