//! Servers without NATS, for a while or for ever.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{NOTHING_MORE, Node, World, assert_nothing_comes, wait_until_online};
use crate::support::database::TestDatabase;
use crate::support::nats::NatsServer;

/// What an event may take that waits for nobody, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How often the log says that NATS is away.
fn warnings(node: &Node) -> usize {
    node.server.log().matches("NATS is away").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_nobody_at_another_server_is_online() {
    let database = TestDatabase::shared().await;
    let one = Node::start(&database, "one", &[]).await;
    let two = Node::start(&database, "two", &[]).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (alice, _) = one.server.login(&alice).await;
    let (bob, _) = two.server.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    // long enough to learn who is where
    tokio::time::sleep(Duration::from_secs(3)).await;
    bob.client.drain();

    let answer = alice.signal(&bob.id, json!(1)).await.unwrap();
    alice.types_to(&bob.id).await.unwrap();

    assert_eq!(answer, json!({ "online": false }));
    assert_nothing_comes(&bob).await;
    let (here, _) = one.server.login(&bob.id).await;
    let answer = alice.signal(&bob.id, json!(1)).await.unwrap();
    assert_eq!(answer, json!({ "online": true }));
    here.client.wait_for("user-signal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_a_server_without_nats_is_online_for_one_that_has_it() {
    let world = World::start().await;
    let three = Node::start(&world.database, "three", &[]).await;
    let carol = world.database.user("carol").await;
    let (carol, _) = three.server.login(&carol).await;
    world.alice.add(&carol.id).await.unwrap();
    // long enough to learn who is where
    tokio::time::sleep(Duration::from_secs(3)).await;

    let answer = world.alice.signal(&carol.id, json!(1)).await.unwrap();

    assert_eq!(answer, json!({ "online": false }));
    assert_eq!(
        carol.signal(&world.alice.id, json!(1)).await.unwrap(),
        answer
    );
    // the others are not touched by it
    wait_until_online(&world.alice, &world.bob.id, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_the_nats_that_it_is_to_use_and_finds_it_later() {
    let mut nats = NatsServer::stopped().await;
    let database = TestDatabase::shared().await;
    let url = nats.url();
    let keys = [("CHATZZ_NATS_URL", url.as_str())];
    let one = Node::start(&database, "one", &keys).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    one.wait_for_bus(false).await;
    assert_eq!(warnings(&one), 1, "{}", one.server.log());

    nats.restart().await;

    one.wait_for_bus(true).await;
    assert!(one.server.log().contains("NATS is connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_gone_nobody_waits_and_afterwards_the_gap_is_noticed() {
    let mut world = World::start().await;
    let before = world.two.metric("chatzz_bus_gaps_total").await;

    world.nats.kill();
    world.one.wait_for_bus(false).await;

    let began = Instant::now();
    let answer = world.alice.signal(&world.bob.id, json!("lost")).await;
    assert_eq!(answer.unwrap(), json!({ "online": false }));
    world.alice.types_to(&world.bob.id).await.unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    let away = r#"chatzz_bus_dropped_total{why="away"}"#;
    assert!(world.one.metric(away).await >= 2.0);
    assert_eq!(warnings(&world.one), 1, "{}", world.one.server.log());

    world.nats.restart().await;
    world.two.wait_for_bus(true).await;
    wait_until_online(&world.alice, &world.bob.id, true).await;
    let signal = world.bob.client.wait_for("user-signal").await;
    assert_eq!(signal["data"], "there?", "what was lost does not come late");
    assert!(world.two.metric("chatzz_bus_gaps_total").await > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_nats_holds_nobody_up() {
    let world = World::start().await;
    world.nats.freeze();

    // more than the system and the queue hold: 4 KiB each
    let large = "x".repeat(4_000);
    let mut slowest = Duration::ZERO;
    let until = Instant::now() + 2 * NOTHING_MORE;
    while Instant::now() < until {
        let began = Instant::now();
        let sends = (0..50).map(|_| world.alice.signal(&world.bob.id, json!(large)));
        for answer in futures::future::join_all(sends).await {
            answer.unwrap();
        }
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < AT_ONCE, "{slowest:?}");
    world.one.wait_for_bus(false).await;
    wait_until_online(&world.alice, &world.bob.id, false).await;
    assert_eq!(warnings(&world.one), 1, "{}", world.one.server.log());
    let mut dropped = 0.0;
    for why in ["away", "failed", "full", "late"] {
        let series = format!(r#"chatzz_bus_dropped_total{{why="{why}"}}"#);
        dropped += world.one.metric(&series).await;
    }
    assert!(dropped > 0.0);
    let sent = world.alice.send(&world.bob.id, "this needs no NATS").await;
    sent.unwrap();

    world.nats.resume();
    wait_until_online(&world.alice, &world.bob.id, true).await;
    wait_until_online(&world.bob, &world.alice.id, true).await;
}
