//! Several servers with NATS between them: everything crosses at once, and nothing but
//! typing and signals depends on it.

mod away;
mod frames;
mod messages;
mod security;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::frame::Silence;
use crate::support::http::get;
use crate::support::nats::NatsServer;
use crate::support::poll;
use crate::support::user::Person;

/// How long it may take until each of two servers knows who is on the other, or that NATS
/// is there.
const CONVERGED: Duration = Duration::from_secs(15);
/// Longer than anything takes over NATS.
const NOTHING_MORE: Duration = Duration::from_secs(1);

/// A server of two or more.
struct Node {
    server: Binary,
    metrics: SocketAddr,
}

impl Node {
    async fn start(database: &TestDatabase, id: &str, more: &[(&str, &str)]) -> Self {
        let mut keys = database.keys().to_vec();
        keys.retain(|(key, _)| *key != "CHATZZ_METRICS_LISTEN");
        keys.extend([
            ("CHATZZ_NODE_ID", id),
            ("CHATZZ_LEASE", "3s"),
            ("CHATZZ_METRICS_LISTEN", "127.0.0.1:0"),
        ]);
        keys.extend(more);
        let server = Binary::serve(&keys).await;
        let log = server.log();
        let (_, rest) = log.split_once("metrics at http://").unwrap();
        let metrics = rest.split("/metrics").next().unwrap().parse().unwrap();
        Self { server, metrics }
    }

    /// The value of a series of a metric, written as Prometheus writes it.
    async fn metric(&self, series: &str) -> f64 {
        let page = get(self.metrics, "/metrics").await.body;
        let begin = format!("{series} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&begin));
        let line = line.unwrap_or_else(|| panic!("no {series}"));
        line.parse().unwrap()
    }

    async fn refused(&self, why: &str) -> f64 {
        let series = format!(r#"chatzz_bus_refused_total{{why="{why}"}}"#);
        self.metric(&series).await
    }

    /// Waits until the server says that NATS works, or does not.
    async fn wait_for_bus(&self, works: bool) {
        let wanted = if works { 1.0 } else { 0.0 };
        let what = format!("NATS works: {works}");
        poll::until(&what, CONVERGED, async || {
            let connected = self.metric("chatzz_bus_connected").await;
            (connected.to_bits() == f64::to_bits(wanted)).then_some(())
        })
        .await;
    }
}

/// Two servers with NATS, and alice on the first and bob on the second, who are contacts.
struct World {
    nats: NatsServer,
    database: TestDatabase,
    one: Node,
    two: Node,
    alice: Person,
    bob: Person,
}

impl World {
    async fn start() -> Self {
        Self::with(NatsServer::start().await, &[]).await
    }

    async fn with(nats: NatsServer, more: &[(&str, &str)]) -> Self {
        let database = TestDatabase::shared().await;
        let url = nats.url();
        let keys = [&[("CHATZZ_NATS_URL", url.as_str())], more].concat();
        let one = Node::start(&database, "one", &keys).await;
        let two = Node::start(&database, "two", &keys).await;
        let (alice, bob) = (database.user("alice").await, database.user("bob").await);
        let (alice, _) = one.server.login(&alice).await;
        let (bob, _) = two.server.login(&bob).await;
        alice.add(&bob.id).await.unwrap();
        let world = Self {
            nats,
            database,
            one,
            two,
            alice,
            bob,
        };
        world.wait_until_connected().await;
        world
    }

    /// Waits until signals cross both ways.
    async fn wait_until_connected(&self) {
        wait_until_online(&self.alice, &self.bob.id, true).await;
        wait_until_online(&self.bob, &self.alice.id, true).await;
        self.alice.client.wait_for("user-signal").await;
        self.bob.client.wait_for("user-signal").await;
        self.settle().await;
    }

    /// Reads what is still on its way.
    async fn settle(&self) {
        for person in [&self.alice, &self.bob] {
            while person.client.next_event(NOTHING_MORE).await.is_ok() {}
            person.client.drain();
        }
    }
}

/// Sends signals until the answer says that the other is online, or is not.
async fn wait_until_online(person: &Person, other: &Value, online: bool) {
    let what = format!("a signal answers online: {online}");
    poll::until(&what, CONVERGED, async || {
        let answer = person.signal(other, json!("there?")).await.unwrap();
        (answer == json!({ "online": online })).then_some(())
    })
    .await;
}

async fn assert_nothing_comes(person: &Person) {
    let event = person.client.next_event(NOTHING_MORE).await;
    assert!(matches!(event, Err(Silence::Timeout(_))), "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_and_signals_reach_the_sockets_at_another_server() {
    let world = World::start().await;
    let (alice, bob) = (&world.alice, &world.bob);
    let (device, _) = world.two.server.login(&bob.id).await;

    assert_eq!(alice.types_to(&bob.id).await.unwrap(), json!({}));
    for socket in [bob, &device] {
        let typing = socket.client.wait_for("user-typing").await;
        assert_eq!(typing["user"]["_id"], alice.id);
        assert_eq!(typing["user"]["username"], "alice");
        assert!(typing["until"].is_string(), "{typing}");
    }

    let data = json!({ "call": { "sdp": "v=0\r\n", "n": [1, 2.5, null] }, "ü": "😀" });
    let answer = alice.signal(&bob.id, data.clone()).await.unwrap();
    assert_eq!(answer, json!({ "online": true }));
    for socket in [bob, &device] {
        let signal = socket.client.wait_for("user-signal").await;
        assert_eq!(signal, json!({ "userId": alice.id, "data": data }));
    }

    for n in 0..50 {
        bob.signal(&alice.id, json!(n)).await.unwrap();
    }
    for n in 0..50 {
        let signal = alice.client.wait_for("user-signal").await;
        assert_eq!(signal["data"], n, "in order, once each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_at_both_servers_get_it_once_each() {
    let world = World::start().await;
    let (device, _) = world.one.server.login(&world.bob.id).await;
    world.settle().await;

    world.alice.signal(&world.bob.id, json!(1)).await.unwrap();

    for socket in [&world.bob, &device] {
        assert_eq!(socket.client.wait_for("user-signal").await["data"], 1);
        assert_nothing_comes(socket).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_the_other_server_is_not_online() {
    let world = World::start().await;

    world.bob.client.close().await;

    wait_until_online(&world.alice, &world.bob.id, false).await;
    let (bob, _) = world.two.server.login(&world.bob.id).await;
    wait_until_online(&world.alice, &bob.id, true).await;
    bob.client.wait_for("user-signal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_before_this_server_started_is_online() {
    let nats = NatsServer::start().await;
    let database = TestDatabase::shared().await;
    let url = nats.url();
    let keys = [("CHATZZ_NATS_URL", url.as_str())];
    let one = Node::start(&database, "one", &keys).await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (bob, _) = one.server.login(&bob).await;
    bob.add(&alice).await.unwrap();
    // longer than any look at what was written lately reaches back
    tokio::time::sleep(Duration::from_secs(10)).await;

    let two = Node::start(&database, "two", &keys).await;
    let (alice, _) = two.server.login(&alice).await;

    wait_until_online(&alice, &bob.id, true).await;
    bob.client.wait_for("user-signal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_died_has_nobody_online() {
    let world = World::start().await;

    world.two.server.kill().await;

    wait_until_online(&world.alice, &world.bob.id, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_lease_is_reached_under_its_new_name() {
    let world = World::start().await;
    let nodes = world.database.collection("chatzz_nodes");
    nodes.delete_one(bson::doc! { "_id": "two" }).await.unwrap();
    world.bob.client.closed(CONVERGED).await.unwrap();

    let (bob, _) = world.two.server.login(&world.bob.id).await;

    // at first they are believed to be where they were
    poll::until("a signal arrives", CONVERGED, async || {
        world.alice.signal(&bob.id, json!("there?")).await.unwrap();
        let mut envelopes = bob.client.drain().into_iter();
        envelopes.find(|envelope| envelope.kind == "user-signal")
    })
    .await;
    wait_until_online(&bob, &world.alice.id, true).await;
    world.alice.client.wait_for("user-signal").await;
}
