//! Servers that are arranged wrongly say so, once.

use std::time::Duration;

use bson::doc;

use crate::support::binary::Binary;
use crate::support::clock;
use crate::support::database::TestDatabase;
use crate::support::poll;

/// A lease of 3 s is renewed each second; and some air.
const NOTICED: Duration = Duration::from_secs(15);
/// Longer than three renewals.
const NOTHING_MORE: Duration = Duration::from_millis(3_500);
/// Nothing listens there: what counts is what is configured.
const NATS: &str = "nats://127.0.0.1:9";

async fn node(database: &TestDatabase, id: &str, also: &[(&str, &str)]) -> Binary {
    let mut keys = database.keys().to_vec();
    keys.extend([("CHATZZ_NODE_ID", id), ("CHATZZ_LEASE", "3s")]);
    keys.extend(also);
    Binary::serve(&keys).await
}

/// The warnings of a server that hold these words.
fn warnings(server: &Binary, words: &str) -> Vec<String> {
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains(" WARN "));
    let lines = lines.filter(|line| line.contains(words));
    lines.map(str::to_owned).collect()
}

/// Waits until a server has warned so often.
async fn warned(server: &Binary, words: &str, times: usize) -> Vec<String> {
    poll::until(words, NOTICED, async || {
        let warnings = warnings(server, words);
        (warnings.len() >= times).then_some(warnings)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_with_different_buses_warn_once_until_it_is_mended() {
    const MISSING: &str = "another server uses NATS and this one does not";
    let database = TestDatabase::shared().await;
    let one = node(&database, "one", &[]).await;
    let two = node(&database, "two", &[("CHATZZ_NATS_URL", NATS)]).await;

    let first = warned(&one, MISSING, 1).await;
    warned(&two, "this server uses NATS and another one does not", 1).await;

    assert!(first[0].contains("two"), "{first:?}");
    tokio::time::sleep(NOTHING_MORE).await;
    assert_eq!(warnings(&one, MISSING).len(), 1, "{}", one.log());
    // the same again after it was right in between is warned of again
    two.terminate().await;
    poll::until("the lease is gone", NOTICED, async || {
        (database.dump("chatzz_nodes").await.len() == 1).then_some(())
    })
    .await;
    tokio::time::sleep(NOTHING_MORE).await;
    let _two = node(&database, "two", &[("CHATZZ_NATS_URL", NATS)]).await;
    warned(&one, MISSING, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_prefix_is_another_bus_and_another_order_is_the_same() {
    const OTHER: &str = "another server has another CHATZZ_NATS_URL or CHATZZ_NATS_PREFIX";
    let database = TestDatabase::shared().await;
    let both = [
        "nats://127.0.0.1:9,nats://127.0.0.2:4222",
        "nats://user:secret@127.0.0.2,nats://127.0.0.1:9",
    ];
    let one = node(&database, "one", &[("CHATZZ_NATS_URL", both[0])]).await;
    let two = node(&database, "two", &[("CHATZZ_NATS_URL", both[1])]).await;
    tokio::time::sleep(NOTHING_MORE).await;
    for server in [&one, &two] {
        assert_eq!(warnings(server, OTHER), Vec::<String>::new());
    }
    let leases = database.dump("chatzz_nodes").await;
    assert_eq!(leases[0].get("bus"), leases[1].get("bus"));

    let keys = [
        ("CHATZZ_NATS_URL", both[0]),
        ("CHATZZ_NATS_PREFIX", "other."),
    ];
    let _three = node(&database, "three", &keys).await;

    for server in [&one, &two] {
        let warned = warned(server, OTHER, 1).await;
        assert!(warned[0].contains("three"), "{warned:?}");
    }
}

/// A server of an earlier version does not say what its bus is.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_of_a_server_that_does_not_say() {
    let database = TestDatabase::shared().await;
    let one = node(&database, "one", &[("CHATZZ_NATS_URL", NATS)]).await;
    let until = bson::DateTime::from_millis(4_102_444_800_000);
    let old = doc! { "_id": "old", "boot": "old#1", "renewedAt": until, "expiresAt": until };
    let nodes = database.collection("chatzz_nodes");
    nodes.insert_one(old).await.unwrap();

    tokio::time::sleep(NOTHING_MORE).await;

    assert_eq!(warnings(&one, "another"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_with_one_node_id_warn_once_each() {
    const CLAIMED: &str = "another server has this server's node id";
    let database = TestDatabase::shared().await;
    let (one, two) = (
        node(&database, "same", &[]).await,
        node(&database, "same", &[]).await,
    );

    for server in [&one, &two] {
        let warned = warned(server, CLAIMED, 1).await;
        assert!(warned[0].contains("CHATZZ_NODE_ID"), "{warned:?}");
    }
    tokio::time::sleep(NOTHING_MORE).await;

    for server in [&one, &two] {
        assert_eq!(warnings(server, CLAIMED).len(), 1, "{}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_the_same_node_id_is_no_claim() {
    let database = TestDatabase::shared().await;
    let one = node(&database, "same", &[]).await;

    let one = one.kill_and_restart().await;

    tokio::time::sleep(NOTHING_MORE).await;
    assert_eq!(warnings(&one, "node id"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_clock_that_is_wrong_is_said_once() {
    const WRONG: &str = "this server's clock is";
    let database = TestDatabase::shared().await;
    let moved = async |id, by| {
        let clock = clock::wrong_by(by);
        let clock = clock.each_ref().map(|(key, value)| (*key, value.as_str()));
        node(&database, id, &clock).await
    };
    let late = moved("late", -30).await;
    let early = moved("early", 30).await;
    let right = moved("right", 1).await;

    let [of_late, of_early] = [
        warned(&late, WRONG, 1).await,
        warned(&early, WRONG, 1).await,
    ];

    assert!(of_late[0].contains("behind the database's"), "{of_late:?}");
    assert!(
        of_early[0].contains("ahead of the database's"),
        "{of_early:?}"
    );
    tokio::time::sleep(NOTHING_MORE).await;
    assert_eq!(warnings(&late, WRONG).len(), 1, "{}", late.log());
    assert_eq!(warnings(&right, WRONG), Vec::<String>::new());
}
