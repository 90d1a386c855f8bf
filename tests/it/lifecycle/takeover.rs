//! A node that dies is cleaned up after by another one.

use std::time::Duration;

use bson::doc;

use crate::both::{Words, in_both_dialects};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll;

/// A lease of 3 s, a tick of 1 s, and some air.
const NOTICED: Duration = Duration::from_secs(10);

async fn node(database: &TestDatabase, id: &str) -> Binary {
    let mut keys = database.keys().to_vec();
    keys.extend([("CHATZZ_NODE_ID", id), ("CHATZZ_LEASE", "3s")]);
    Binary::serve(&keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_nodes_people_are_shown_offline_by_another_node() {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (one, two) = (node(&database, "one").await, node(&database, "two").await);
    let (bob, _) = one.login(&bob).await;
    let (alice, _) = two.login(&alice).await;
    alice.add(&bob.id).await.unwrap();
    poll::until(
        "alice is shown bob online on the other node",
        NOTICED,
        async || {
            alice.login().await.unwrap();
            let details = alice.client.wait_for("user-details").await;
            (details["connectedUsers"][0]["status"] == "online").then_some(())
        },
    )
    .await;

    one.kill().await;

    let announced = loop {
        let announced = alice.client.wait_for("chat-user-status-changed").await;
        // bob's arrival was announced before, or is in the login
        if announced["status"] == "offline" {
            break announced;
        }
    };
    assert_eq!(announced["user"]["_id"], bob.id);
    assert!(announced["lastOnline"].is_string(), "{announced}");
    let online = database.dump("chatusers").await;
    let online = online
        .iter()
        .filter(|user| user.get_str("status").unwrap() == "online");
    assert_eq!(online.count(), 1, "alice alone");
    poll::until("the lease is removed", NOTICED, async || {
        let leases = database.dump("chatzz_nodes").await;
        let leases: Vec<&str> = leases.iter().map(|l| l.get_str("_id").unwrap()).collect();
        (leases == ["two"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_cleans_up_after_leases_that_ran_out_before() {
    let database = TestDatabase::shared().await;
    let bob = database.user("bob").await;
    let one = node(&database, "one").await;
    let _bob = one.login(&bob).await;
    let online = doc! { "status": "online" };
    let chat_users = database.collection("chatusers");
    poll::until("bob is stored online", NOTICED, async || {
        let count = chat_users.count_documents(online.clone()).await.unwrap();
        (count == 1).then_some(())
    })
    .await;
    one.kill().await;
    let expired = doc! { "$expr": { "$lt": ["$expiresAt", "$$NOW"] } };
    poll::until("the lease runs out", NOTICED, async || {
        let leases = database.collection("chatzz_nodes");
        let count = leases.count_documents(expired.clone()).await.unwrap();
        (count == 1).then_some(())
    })
    .await;

    let _two = node(&database, "two").await;

    assert_eq!(chat_users.count_documents(online).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_like_a_field_of_the_database_is_a_name() {
    let database = TestDatabase::shared().await;
    let bob = database.user("bob").await;
    let odd = node(&database, "$_id").await;
    let (bob, _) = odd.login(&bob).await;
    let leases = database.dump("chatzz_nodes").await;
    assert!(
        leases[0].get_str("boot").unwrap().starts_with("$_id#"),
        "{leases:?}"
    );
    let renewed = async |leases: Vec<bson::Document>| *leases[0].get_datetime("renewedAt").unwrap();
    let began = renewed(leases).await;
    poll::until("the lease is renewed", NOTICED, async || {
        (renewed(database.dump("chatzz_nodes").await).await > began).then_some(())
    })
    .await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_name_another_one_takes_closes_its_sockets_and_goes_on() {
    let database = TestDatabase::shared().await;
    let bob = database.user("bob").await;
    let one = node(&database, "same").await;
    let (bob, _) = one.login(&bob).await;

    let other = node(&database, "same").await;

    bob.client.closed(NOTICED).await.unwrap();
    drop(other);
    one.login(&bob.id).await;
}

in_both_dialects! { hole_15_nobody_stays_online_over_a_crash }

async fn hole_15_nobody_stays_online_over_a_crash(words: Words) {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let mut keys = database.keys().to_vec();
    keys.push(words.key());
    let server = Binary::serve(&keys).await;
    let (alice, _) = server.login(&alice).await;
    let (_bob, _) = server.login(&bob).await;
    alice.add(&bob).await.unwrap();

    poll::until("both are stored as online", NOTICED, async || {
        let stored = database.dump("chatusers").await;
        let is_online = |user: &bson::Document| user.get_str("status").unwrap() == "online";
        (stored.iter().filter(|user| is_online(user)).count() == 2).then_some(())
    })
    .await;

    let server = server.kill_and_restart().await;

    let (_alice, details) = server.login(&alice.id).await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["status"], "offline", "{contact}");
    assert!(contact["lastOnline"].is_string(), "{contact}");
}
