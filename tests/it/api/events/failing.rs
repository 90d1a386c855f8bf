//! Events arrive although the receiver fails, and the server that posts them is killed.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::oid::ObjectId;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::receiver::{Receiver, SECRET};
use super::{two, until_begun};
use crate::support::database::TestDatabase;
use crate::support::poll::{PAUSE, until};

/// How long everything may take to arrive after the last fault.
const ARRIVES: Duration = Duration::from_mins(2);
/// Pairs of people who write.
const PAIRS: usize = 12;
/// Of a hundred requests so many fail.
const FAILING: u8 = 30;

/// Messages that may be acknowledged and not taken yet, so that all arrive in the end.
const AHEAD: usize = 300;

/// What was acknowledged, by chat room, in the order of `seq`.
type Acknowledged = Arc<Mutex<HashMap<String, Vec<(i64, String)>>>>;

/// One pair writes, through whichever server answers, until they are stopped; each text is
/// repeated until it is acknowledged.
async fn write(
    pair: [Value; 2],
    back_ends: [(SocketAddr, String); 2],
    acknowledged: Acknowledged,
    receiver: Arc<Receiver>,
    stop: Arc<AtomicBool>,
) {
    let client = client();
    let is_far_ahead = || {
        let sent: usize = acknowledged.lock().values().map(Vec::len).sum();
        sent >= receiver.taken().len() + AHEAD
    };
    for turn in 0.. {
        while is_far_ahead() && !stop.load(Ordering::SeqCst) {
            tokio::time::sleep(PAUSE).await;
        }
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let key = ObjectId::new().to_hex();
        let send = json!({
            "from": pair[turn % 2], "to": pair[(turn + 1) % 2], "message": key, "key": key,
        });
        for attempt in turn / 2.. {
            let (addr, bearer) = &back_ends[attempt % 2];
            let request = client.post(format!("http://{addr}/v1/messages"));
            let request = request.bearer_auth(bearer).body(send.to_string());
            // a server that is being killed does not answer
            let Ok(response) = request.send().await else {
                continue;
            };
            if !response.status().is_success() {
                continue;
            }
            let Ok(body) = response.bytes().await else {
                continue;
            };
            let message: Value = serde_json::from_slice(&body).unwrap();
            let text = |field: &str| message[field].as_str().unwrap().to_owned();
            let (room, id) = (text("chatRoomId"), text("_id"));
            let seq = message["seq"].as_i64().unwrap();
            acknowledged.lock().entry(room).or_default().push((seq, id));
            break;
        }
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    client.timeout(Duration::from_secs(10)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_arrives_in_order_though_a_third_fails_and_the_poster_is_killed() {
    let database = TestDatabase::shared().await;
    let receiver = Arc::new(Receiver::start().await);
    let mut dice = fastrand::Rng::with_seed(2026);
    receiver.answer(move |_| if dice.u8(0..100) < FAILING { 503 } else { 200 });
    let url = receiver.url();
    let pushing = [
        ("CHATZZ_EVENTS_URL", url.as_str()),
        ("CHATZZ_EVENTS_SECRET", SECRET),
    ];
    let [(one, first), (other, second)] = two(&database, &pushing).await;
    until_begun(&database, "push").await;
    let acknowledged = Acknowledged::default();
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for number in 0..PAIRS {
        let pair = [
            database.user(&format!("a{number}")).await,
            database.user(&format!("b{number}")).await,
        ];
        let back_ends = [&first, &second].map(|one| (one.addr, one.key.clone()));
        let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let receiver = Arc::clone(&receiver);
        writers.spawn(write(pair, back_ends, acknowledged, receiver, stop));
    }
    let some_arrive = async |more: usize| {
        let before = receiver.taken().len();
        until("events arrive", ARRIVES, async || {
            (receiver.taken().len() >= before + more).then_some(())
        })
        .await;
    };
    some_arrive(200).await;

    // the first one was alone when it took the lease
    let one = one.kill_and_restart_after(Duration::from_secs(5)).await;
    some_arrive(200).await;
    let other = other.kill_and_restart_after(Duration::from_secs(5)).await;
    some_arrive(200).await;
    stop.store(true, Ordering::SeqCst);
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }

    let mut acknowledged = acknowledged.lock().clone();
    for messages in acknowledged.values_mut() {
        messages.sort_unstable();
        messages.dedup();
    }
    let all: HashSet<String> = ids(&acknowledged).collect();
    until("everything arrives", ARRIVES, async || {
        let taken = receiver.taken();
        let taken: HashSet<&str> = taken.iter().filter_map(id).collect();
        all.iter()
            .all(|id| taken.contains(id.as_str()))
            .then_some(())
    })
    .await;
    let taken = receiver.taken();
    let mut seen = HashSet::new();
    let mut last: HashMap<String, i64> = HashMap::new();
    for event in taken.iter().filter(|event| id(event).is_some()) {
        // what was noted too late comes once more
        if !seen.insert(id(event).unwrap().to_owned()) {
            continue;
        }
        let message = &event["data"]["message"];
        let room = message["chatRoomId"].as_str().unwrap().to_owned();
        let seq = message["seq"].as_i64().unwrap();
        let before = last.insert(room, seq).unwrap_or_default();
        assert_eq!(seq, before + 1, "in order, and none is left out");
    }
    let stored = database.messages().await;
    let stored: HashSet<String> = stored
        .iter()
        .map(|message| message.get_object_id("_id").unwrap().to_hex())
        .collect();
    assert!(
        seen.is_subset(&stored),
        "nothing is heard of that is not stored"
    );
    assert!(seen.is_superset(&all));
    println!(
        "{} acknowledged, {} taken, {} refused",
        all.len(),
        taken.len(),
        receiver.refused()
    );
    drop((one, other));
}

fn ids(of: &HashMap<String, Vec<(i64, String)>>) -> impl Iterator<Item = String> {
    of.values().flatten().map(|(_, id)| id.clone())
}

/// The message that an event is about.
fn id(event: &Value) -> Option<&str> {
    event["data"]["message"]["_id"].as_str()
}
