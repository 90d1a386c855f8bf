//! Bugs that a database in trouble shows.

use std::time::Duration;

use chatzz::bugs::Bug;
use chatzz::dev::mongod::Mongod;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::sleep;

use super::{Scene, shows};
use crate::support::database::TestDatabase;
use crate::support::user::{code, outcome};
use crate::support::{mongod, poll};

/// An attempt to store is waited for 1.5 s, an answer 2.5 s.
const IMPATIENT: [(&str, &str); 2] = [
    ("CHATZZ_MONGODB_SELECTION_TIMEOUT", "500ms"),
    ("CHATZZ_REQUEST_TIMEOUT", "2500ms"),
];
/// After the first attempt's time, before the answer's.
const BETWEEN: Duration = Duration::from_secs(2);

/// Two people who have exchanged a message, on a mongod of their own.
async fn scene(name: &str, bug: Option<Bug>) -> (Mongod, Scene) {
    let mongod = mongod::start(name, |options| options).await;
    let database = TestDatabase::on(&mongod.uri()).await;
    let scene = Scene::on(database, bug, &IMPATIENT).await;
    scene.send("before").await;
    (mongod, scene)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds and runs chatzz-seeded"]
async fn a_message_acknowledged_before_the_insert_is_lost_with_both_processes() {
    shows(Bug::AckBeforeInsert, async |bug| {
        let (mut mongod, mut scene) = scene("bug-ack", bug).await;
        mongod.signal(Signal::SIGSTOP).unwrap();
        let sent = scene.alice.send(&scene.bob.id, "lost").await;
        scene.server.signal(Signal::SIGKILL);
        mongod.kill().await.unwrap();
        mongod.restart().await.unwrap();
        assert!(!scene.server.is_running());
        sent.is_ok() && scene.count("lost").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds and runs chatzz-seeded"]
async fn unjournaled_messages_are_lost_with_a_killed_mongod() {
    shows(Bug::UnjournaledWrites, async |bug| {
        let (mut mongod, scene) = scene("bug-journal", bug).await;
        let mut sends: FuturesUnordered<_> = (0..200)
            .map(|number| {
                let payload = json!({ "userId": scene.bob.id, "message": format!("{number}") });
                let client = &scene.alice.client;
                client.emit_ack_pipelined("send-message", payload)
            })
            .collect();
        let first = outcome(sends.next().await.unwrap()).unwrap();
        mongod.kill().await.unwrap();
        mongod.restart().await.unwrap();
        let mut acknowledged = vec![first];
        while let Some(ack) = sends.next().await {
            acknowledged.extend(outcome(ack));
        }
        let stored = scene.database.messages().await;
        let ids: Vec<String> = stored
            .iter()
            .map(|m| m.get_object_id("_id").unwrap().to_hex())
            .collect();
        let is_lost = |m: &serde_json::Value| !ids.contains(&m["_id"].as_str().unwrap().to_owned());
        acknowledged.iter().any(is_lost)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds and runs chatzz-seeded"]
async fn a_retry_as_another_message_is_stored_twice() {
    shows(Bug::RetryUnderNewId, async |bug| {
        let (mongod, scene) = scene("bug-retry", bug).await;
        mongod.signal(Signal::SIGSTOP).unwrap();
        let send = scene.alice.send_with(&scene.bob.id, "once", "k");
        let thaw = async {
            sleep(BETWEEN).await;
            mongod.signal(Signal::SIGCONT).unwrap();
        };
        let (sent, ()) = tokio::join!(send, thaw);
        sent.unwrap();
        scene.count("once").await == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds and runs chatzz-seeded"]
async fn a_send_that_was_called_failed_is_stored() {
    shows(Bug::UnknownToldAsFailed, async |bug| {
        let (mongod, scene) = scene("bug-unknown", bug).await;
        mongod.signal(Signal::SIGSTOP).unwrap();
        let told = code(scene.alice.send(&scene.bob.id, "ghost").await);
        mongod.signal(Signal::SIGCONT).unwrap();
        poll::eventually("it is stored after all", async || {
            (scene.count("ghost").await == 1).then_some(())
        })
        .await;
        told != "unknown-outcome"
    })
    .await;
}
