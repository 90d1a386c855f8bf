//! What is blocked at one node holds at another one within the cache time.

use std::time::Duration;

use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::support::server::Server;
use crate::support::user::Outcome;

/// The cache time, a look every second, and some air.
pub(super) const CONVERGED: Duration = Duration::from_secs(8);

async fn node(database: &TestDatabase, id: &str) -> Server {
    node_with(database, id, &[]).await
}

pub(super) async fn node_with(database: &TestDatabase, id: &str, more: &[(&str, &str)]) -> Server {
    let mut keys = vec![
        ("CHATZZ_NODE_ID", id),
        ("CHATZZ_LEASE", "3s"),
        ("CHATZZ_PRIVACY_CACHE", "500ms"),
    ];
    keys.extend(more);
    Server::on_database(database.uri(), database.name(), &keys).await
}

fn is_blocked(outcome: &Outcome) -> bool {
    outcome
        .as_ref()
        .is_err_and(|error| error["code"] == "blocked")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_its_end_reach_another_node_within_the_cache_time() {
    let database = TestDatabase::shared().await;
    let (one, two) = (node(&database, "one").await, node(&database, "two").await);
    let (alice, bob) = (one.person("alice").await, two.person("bob").await);
    alice.add(&bob.id).await.unwrap();
    alice.send(&bob.id, "known here now").await.unwrap();

    bob.block(&alice.id).await.unwrap();
    poll::until("the block is known", CONVERGED, async || {
        is_blocked(&alice.send(&bob.id, "still?").await).then_some(())
    })
    .await;

    bob.unblock(&alice.id).await.unwrap();
    poll::until("its end is known", CONVERGED, async || {
        alice.send(&bob.id, "again?").await.is_ok().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_at_another_node_hides_the_blocker_as_well() {
    let database = TestDatabase::shared().await;
    let (one, two) = (node(&database, "one").await, node(&database, "two").await);
    let (alice, bob) = one.pair().await;
    let (bob_at_two, _) = two.arrive(&bob.id).await;
    alice.client.drain();

    bob_at_two.block(&alice.id).await.unwrap();

    let announced = alice.client.next_event(CONVERGED).await.unwrap();
    assert_eq!(announced.args[0]["data"]["status"], "offline");
    bob_at_two.client.close().await;
    bob.client.close().await;
    let (_bob, _) = two.arrive(&bob.id).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    alice.client.assert_silent_for_roundtrip().await;
}
