//! Bugs that a database in trouble shows.

use std::time::Duration;

use bson::doc;
use chatzz_dev::mongod::Mongod;
use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::{Scene, shows};
use crate::support::database::TestDatabase;
use crate::support::seeded::Bug;
use crate::support::user::code;
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
async fn a_message_acknowledged_before_the_insert_is_lost_with_both_processes() {
    shows(Bug::AckBeforeInsert, async |bug| {
        let (mut mongod, mut scene) = scene("bug-ack", bug).await;
        freeze(&mongod).await;
        let sent = scene.alice.send(&scene.bob.id, "lost").await;
        scene.server.signal(Signal::SIGKILL);
        mongod.kill().await.unwrap();
        mongod.restart().await.unwrap();
        assert!(!scene.server.is_running());
        sent.is_ok() && scene.count("lost").await == 0
    })
    .await;
}

/// Freezes mongod and waits until each of its threads has stopped: some run on
/// for a moment after the signal.
async fn freeze(mongod: &Mongod) {
    mongod.signal(Signal::SIGSTOP).unwrap();
    let threads = format!("/proc/{}/task", mongod.pid().unwrap());
    let is_stopped = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat"));
        // a thread that has just ended has no state any more
        stat.is_err() || stat.is_ok_and(|stat| stat.contains(") T "))
    };
    poll::eventually("every thread of mongod has stopped", async || {
        let threads = std::fs::read_dir(&threads).unwrap();
        threads.flatten().all(is_stopped).then_some(())
    })
    .await;
}

/// Adds a member that is not there: from now on nothing reaches a majority. The
/// primary stays one as long as no election is due.
async fn lose_the_majority(mongod: &Mongod) {
    let client = mongodb::Client::with_uri_str(mongod.uri()).await.unwrap();
    let admin = client.database("admin");
    let found = admin.run_command(doc! { "replSetGetConfig": 1 }).await;
    let mut config = found.unwrap().get_document("config").unwrap().clone();
    let version = config.get_i32("version").unwrap();
    config.insert("version", version + 1);
    let settings = config.get_document_mut("settings").unwrap();
    settings.insert("electionTimeoutMillis", 600_000);
    let members = config.get_array_mut("members").unwrap();
    members.push(doc! { "_id": 9, "host": "127.0.0.1:1", "priority": 0 }.into());
    let command = doc! { "replSetReconfig": config, "force": true };
    admin.run_command(command).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_acknowledged_that_no_majority_has() {
    shows(Bug::UnjournaledWrites, async |bug| {
        let (mongod, scene) = scene("bug-majority", bug).await;
        lose_the_majority(&mongod).await;
        scene.alice.send(&scene.bob.id, "early").await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_as_another_message_is_stored_twice() {
    shows(Bug::RetryUnderNewId, async |bug| {
        let (mongod, scene) = scene("bug-retry", bug).await;
        freeze(&mongod).await;
        let asked = scene.alice.send_with(&scene.bob.id, "once", "k");
        let thaw = async {
            sleep(BETWEEN).await;
            mongod.signal(Signal::SIGCONT).unwrap();
        };
        let (sent, ()) = tokio::join!(asked, thaw);
        sent.unwrap();
        scene.count("once").await == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_was_called_failed_is_stored() {
    shows(Bug::UnknownAsFailed, async |bug| {
        let (mongod, scene) = scene("bug-unknown", bug).await;
        freeze(&mongod).await;
        let announced = code(scene.alice.send(&scene.bob.id, "ghost").await);
        mongod.signal(Signal::SIGCONT).unwrap();
        poll::eventually("it is stored after all", async || {
            (scene.count("ghost").await == 1).then_some(())
        })
        .await;
        announced != "unknown-outcome"
    })
    .await;
}
