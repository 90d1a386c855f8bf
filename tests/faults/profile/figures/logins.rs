//! The first event of a connection, and a login after a long absence.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::plan::{Plan, Shape, Topology, generate};
use crate::programs::{self, Build};
use crate::rig::Rig;
use crate::run::user_id;
use crate::support::frame::{Client, ConnectOptions};
use crate::support::user::Person;

/// Connections whose first event must not be lost.
const CONNECTIONS: usize = 20_000;
/// Connections opened at the same time.
const AT_ONCE: usize = 50;
/// Messages that one user missed.
const MISSED: u64 = 10_000;
/// How long getting them may take, in seconds.
const MISSED_WITHIN: f64 = 2.0;

/// A system without faults.
pub(super) async fn peaceful(users: usize) -> (Plan, Rig, Vec<Value>) {
    let shape = Shape {
        users,
        ..Shape::peaceful(Topology::Single, 1, 0)
    };
    let plan = generate(&shape, 1);
    let ids: Vec<String> = (0..users).map(user_id).collect();
    let rig = Rig::start(&plan, &programs::clean(Build::Release), &ids).await;
    (plan, rig, ids.into_iter().map(Value::from).collect())
}

/// Every connection sends an event the moment it is connected.
pub(super) async fn first_events() -> (bool, Value) {
    let (_, rig, users) = peaceful(AT_ONCE).await;
    let addr = rig.servers[0].clients.addr();
    let mut people = JoinSet::new();
    for user in users {
        people.spawn(async move {
            let mut answered = 0;
            for _ in 0..CONNECTIONS / AT_ONCE {
                let client = Client::connect(ConnectOptions::new(addr)).await.unwrap();
                let person = Person::new(client, user.clone());
                answered += usize::from(person.login().await.is_ok());
                person.client.close().await;
            }
            answered
        });
    }
    let answered: usize = people.join_all().await.into_iter().sum();
    let lost = CONNECTIONS - answered;
    (
        lost == 0,
        json!({ "connections": CONNECTIONS, "lost": lost }),
    )
}

/// A person comes back and gets everything that they missed, page by page.
pub(super) async fn many_missed() -> (bool, Value) {
    const BURST: u64 = 200;
    let (_, rig, users) = peaceful(2).await;
    let addr = rig.servers[0].clients.addr();
    let arrive = async |id: &Value| {
        let client = Client::connect(ConnectOptions::new(addr)).await.unwrap();
        let person = Person::new(client, id.clone());
        person.login().await.unwrap();
        let details = person.client.wait_for("user-details").await;
        (person, details)
    };
    let (alice, bob) = (&users[0], &users[1]);
    let (sender, _) = arrive(alice).await;
    sender.add(bob).await.unwrap();
    for _ in 0..MISSED / BURST {
        let sends = (0..BURST).map(|n| {
            let payload = json!({ "userId": bob, "message": format!("missed {n}") });
            sender.client.emit_ack_pipelined("send-message", payload)
        });
        for sent in futures::future::join_all(sends).await {
            sent.unwrap();
        }
    }
    let began = Instant::now();
    let (receiver, details) = arrive(bob).await;
    let entry = &details["connectedUsers"][0];
    let mut after = entry["missedFrom"].as_u64().unwrap_or(1) - 1;
    let mut seen = after;
    loop {
        let query = json!({ "userId": alice, "after": after, "limit": 500 });
        let page = receiver.history(query).await.unwrap();
        for message in page["messages"].as_array().unwrap() {
            seen += u64::from(message["seq"] == seen + 1);
        }
        // behind a gap nothing counts, and the same page would come for ever
        let stuck = seen == after;
        after = seen;
        if page["hasMore"] != true || stuck {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    let good = seen == MISSED && took <= MISSED_WITHIN;
    (
        good,
        json!({ "missed": MISSED, "got": seen, "seconds": took }),
    )
}
