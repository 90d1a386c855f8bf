//! nginx, HAProxy and Caddy before two servers, with the samples of `deploy/proxies`.

mod balancer;
mod traveler;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use futures::future::join_all;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::frame::{Client, ConnectOptions, Transport};
use crate::support::http::get;
use crate::support::poll::until;
use crate::support::user::Person;
use balancer::{Balancer, Kind};
use traveler::{Journey, Traveler, World};

/// The path of the samples.
const PATH: &str = "/chat/socket.io";
/// How long a step of the test may take.
const STEP: Duration = Duration::from_secs(20);
/// Pairs of people who write to each other.
const PAIRS: u8 = 30;
/// Pairs who come while servers restart.
const NEW_PAIRS: u8 = 5;

/// To connect to a server, or to the balancer before it.
fn at(addr: SocketAddr) -> ConnectOptions {
    ConnectOptions {
        path: PATH.to_owned(),
        ..ConnectOptions::new(addr)
    }
}

async fn log_in(options: ConnectOptions, id: Value) -> Person {
    let person = Person::new(Client::connect(options).await.unwrap(), id);
    person.login().await.unwrap();
    person
}

struct Site {
    database: TestDatabase,
    one: Binary,
    two: Binary,
    balancer: Balancer,
}

impl Site {
    async fn start(kind: Kind, sticky: bool) -> Self {
        let database = TestDatabase::shared().await;
        let server = async |id: &str| {
            let mut keys = database.keys().to_vec();
            keys.extend([
                ("CHATZZ_NODE_ID", id),
                ("CHATZZ_TRUSTED_PROXIES", "127.0.0.1"),
                ("CHATZZ_SOCKET_PATH", PATH),
            ]);
            Binary::serve(&keys).await
        };
        let (one, two) = futures::join!(server("one"), server("two"));
        let balancer = Balancer::start(kind, [one.addr(), two.addr()], sticky).await;
        Self {
            database,
            one,
            two,
            balancer,
        }
    }

    /// Somebody who connects through the balancer from an address of their own.
    async fn person(&self, number: u8, transport: Transport) -> Person {
        let id = self.database.user(&format!("person{number}")).await;
        let options = ConnectOptions {
            from: Some(Ipv4Addr::new(127, 0, 1, number)),
            transport,
            ..at(self.balancer.addr)
        };
        log_in(options, id).await
    }

    /// The names of the servers at which people are online.
    async fn servers_with_people(&self) -> BTreeSet<String> {
        let people = self.database.dump("chatusers").await;
        let nodes = people
            .iter()
            .flat_map(|person| person.get_array("nodes").cloned().unwrap_or_default());
        let boots = nodes.map(|boot| boot.as_str().unwrap().to_owned());
        let names = boots.map(|boot| boot.split('#').next().unwrap().to_owned());
        names.collect()
    }
}

/// Eight people log in, at both servers, and stay there.
async fn both_servers_are_used(kind: Kind, sticky: bool, transport: Transport) {
    let site = Site::start(kind, sticky).await;

    let people = join_all((1..=8).map(|number| site.person(number, transport))).await;

    let what = format!("people are at both servers behind {kind:?}");
    until(&what, STEP, async || {
        (site.servers_with_people().await.len() == 2).then_some(())
    })
    .await;
    // each request of a session arrives where the session is
    let [first, rest @ ..] = &people[..] else {
        panic!("there are people");
    };
    for other in rest {
        first.add(&other.id).await.unwrap();
        first.send(&other.id, "hello").await.unwrap();
        assert_eq!(other.client.wait_for("new-message").await["seq"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_who_polls_at_one_server() {
    both_servers_are_used(Kind::Nginx, true, Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_keeps_who_polls_at_one_server() {
    both_servers_are_used(Kind::Haproxy, true, Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_keeps_who_polls_at_one_server() {
    both_servers_are_used(Kind::Caddy, true, Transport::Polling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_need_nothing_that_keeps_them_behind_nginx() {
    both_servers_are_used(Kind::Nginx, false, Transport::Websocket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_need_nothing_that_keeps_them_behind_haproxy() {
    both_servers_are_used(Kind::Haproxy, false, Transport::Websocket).await;
}

/// Sets two people on their journeys, who are contacts already.
async fn set_out(
    site: &Site,
    server: &Binary,
    world: &Arc<World>,
    pair: u8,
) -> [JoinHandle<Journey>; 2] {
    let names = ["left", "right"].map(|side| format!("{side}{pair}"));
    let (left, right) = (
        site.database.user(&names[0]).await,
        site.database.user(&names[1]).await,
    );
    let person = log_in(at(server.addr()), left.clone()).await;
    person.add(&right).await.unwrap();
    person.client.close().await;
    // a third of them polls
    let transport = if pair.is_multiple_of(3) {
        Transport::Polling
    } else {
        Transport::Websocket
    };
    let travelers = [(0, &left, &right), (1, &right, &left)].map(|(side, id, partner)| Traveler {
        name: names[usize::from(side)].clone(),
        id: id.clone(),
        partner: partner.clone(),
        through: site.balancer.addr,
        from: Ipv4Addr::new(127, 0, 1 + side, pair),
        transport,
        world: Arc::clone(world),
    });
    travelers.map(|traveler| tokio::spawn(traveler.travel()))
}

/// Waits until so many messages more have been acknowledged.
async fn wait_for_messages(world: &World, number: usize) {
    let count = || {
        let acknowledged = world.acknowledged.lock();
        acknowledged.values().map(BTreeMap::len).sum::<usize>()
    };
    let wanted = count() + number;
    until("messages are acknowledged", STEP, async || {
        (count() >= wanted).then_some(())
    })
    .await;
}

async fn is_ready(addr: SocketAddr) {
    until("a server is ready", STEP, async || {
        (get(addr, "/readyz").await.status == 200).then_some(())
    })
    .await;
}

/// Both servers are restarted, one after the other, while people write to each other and new
/// ones come.
async fn a_rolling_restart_loses_nothing(kind: Kind) {
    let mut site = Site::start(kind, true).await;
    let world = Arc::<World>::default();
    let pairs = (1..=PAIRS).map(|pair| set_out(&site, &site.one, &world, pair));
    let mut journeys = join_all(pairs)
        .await
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    let old = journeys.len();
    wait_for_messages(&world, 100).await;

    site.one = site.one.restart().await;
    is_ready(site.one.addr()).await;
    for pair in PAIRS + 1..=PAIRS + NEW_PAIRS {
        journeys.extend(set_out(&site, &site.one, &world, pair).await);
    }
    wait_for_messages(&world, 100).await;
    site.two = site.two.restart().await;
    is_ready(site.two.addr()).await;
    wait_for_messages(&world, 100).await;
    world.enough.cancel();
    until("all is acknowledged", STEP, async || {
        (world.silent.lock().len() == journeys.len()).then_some(())
    })
    .await;
    world.complete.cancel();

    // each of them ends when everything has been heard
    let journeys = join_all(journeys).await;
    let logins = journeys
        .iter()
        .map(|journey| journey.as_ref().unwrap().logins);
    let logins: Vec<usize> = logins.collect();
    assert!(
        logins[..old].iter().all(|logins| *logins >= 2),
        "{logins:?}"
    );
    let acknowledged = world.acknowledged.lock().clone();
    let total: usize = acknowledged.values().map(BTreeMap::len).sum();
    assert!(total >= 300, "{total}");
    let mut stored: Vec<Document> = site.database.messages().await;
    stored.sort_by_key(|message| message.get_str("message").unwrap().to_owned());
    stored.dedup_by_key(|message| message.get_str("message").unwrap().to_owned());
    assert_eq!(stored.len(), site.database.messages().await.len(), "twice");
    assert_eq!(
        stored.len(),
        total,
        "what is stored is what was acknowledged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_behind_nginx_loses_nothing() {
    a_rolling_restart_loses_nothing(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_behind_haproxy_loses_nothing() {
    a_rolling_restart_loses_nothing(Kind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_behind_caddy_loses_nothing() {
    a_rolling_restart_loses_nothing(Kind::Caddy).await;
}

/// Stores a message in a transaction that stays open: whoever wants its number waits.
async fn hold_number(database: &TestDatabase, first: &Value, seq: i64) -> mongodb::ClientSession {
    let messages = database.collection("chatmessages");
    let mut held = database.messages().await.into_iter().next().unwrap();
    assert!(first["seq"] == 1 && held.get_i64("seq").unwrap() == 1);
    held.insert("_id", ObjectId::new());
    held.insert("seq", seq);
    held.remove("clientId");
    let mut session = messages.client().start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    messages
        .insert_one(held)
        .session(&mut session)
        .await
        .unwrap();
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_sends_nobody_to_a_server_that_drains() {
    let site = Site::start(Kind::Haproxy, true).await;
    let (alice, bob) = (
        site.database.user("alice").await,
        site.database.user("bob").await,
    );
    let alice = log_in(at(site.two.addr()), alice).await;
    alice.add(&bob).await.unwrap();
    let first = alice.send(&bob, "one").await.unwrap();
    let mut held = hold_number(&site.database, &first, 2).await;
    // an event that cannot be answered: the server waits for it before it ends
    let waiting = alice.client.emit_ack_pipelined(
        "send-message",
        serde_json::json!({ "userId": bob, "message": "two" }),
    );
    until("the server waits for the number", STEP, async || {
        let operations = site.database.raw().client().database("admin");
        let command = doc! { "currentOp": true, "op": "insert", "ns": format!("{}.chatmessages", site.database.name()) };
        let running = operations.run_command(command).await.unwrap();
        (!running.get_array("inprog").unwrap().is_empty()).then_some(())
    })
    .await;

    site.two.signal(Signal::SIGTERM);

    until("the server drains", STEP, async || {
        (get(site.two.addr(), "/readyz").await.status == 503).then_some(())
    })
    .await;
    // the next look of HAProxy and a little more
    tokio::time::sleep(Duration::from_secs(1)).await;
    join_all((1..=8).map(|number| site.person(number, Transport::Websocket))).await;
    assert_eq!(
        get(site.two.addr(), "/readyz").await.status,
        503,
        "it still drains"
    );
    held.abort_transaction().await.unwrap();
    drop(waiting);
    let ended = site.two.ended(STEP).await;
    assert!(ended.status.success(), "{}", ended.err);
}
