//! Bugs between several servers.

use std::time::Duration;

use bson::doc;
use serde_json::{Value, json};

use super::{Scene, shows};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::nats::NatsServer;
use crate::support::poll;
use crate::support::seeded::{self, Bug};
use crate::support::user::Person;

/// Longer than a message takes from one server to the other, by far.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// Longer than the log takes to be written after a start, by far.
const LOGGED_WITHIN: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_what_is_stored_by_another_server() {
    shows(Bug::OthersUnheard, async |bug| {
        let database = TestDatabase::shared().await;
        let two = [("CHATZZ_NODE_ID", "two")];
        let keys = [database.keys().to_vec(), two.to_vec()].concat();
        let other = seeded::serve(bug, &keys).await;
        let scene = Scene::on(database, bug, &[("CHATZZ_NODE_ID", "one")]).await;
        let (device, _) = other.login(&scene.bob.id).await;
        device.client.drain();
        scene.send("hello").await;
        let heard = device.client.wait_for("new-message");
        tokio::time::timeout(HEARD_WITHIN, heard).await.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_had_not_logged_is_never_logged() {
    shows(Bug::SweepLeftOut, async |bug| {
        let mut scene = Scene::set(bug).await;
        // the log waits a tenth of a second for more: mostly the kill is sooner
        for round in 0..3_i64 {
            scene.send("the last").await;
            scene.server = scene.server.kill_and_restart().await;
            let last = doc! { "logged": round + 1 };
            let rooms = scene.database.collection("chatrooms");
            let logged = async {
                poll::until("it is in the log", LOGGED_WITHIN * 3, async || {
                    rooms.find_one(last.clone()).await.unwrap()
                })
                .await;
            };
            if tokio::time::timeout(LOGGED_WITHIN, logged).await.is_err() {
                return true;
            }
            let (alice, _) = scene.server.login(&scene.alice.id).await;
            scene.alice = alice;
        }
        false
    })
    .await;
}

/// Two servers with NATS; bob is at the other one.
struct Apart {
    nats: NatsServer,
    scene: Scene,
    other: Binary,
    bob: Person,
}

async fn apart(bug: Option<Bug>) -> Apart {
    let nats = NatsServer::start().await;
    let url = nats.url();
    let database = TestDatabase::shared().await;
    let with = |node| [("CHATZZ_NODE_ID", node), ("CHATZZ_NATS_URL", url.as_str())];
    let keys = [database.keys().to_vec(), with("two").to_vec()].concat();
    let other = seeded::serve(bug, &keys).await;
    let scene = Scene::on(database, bug, &with("one")).await;
    let (bob, _) = other.login(&scene.bob.id).await;
    scene.bob.client.close().await;
    let apart = Apart {
        nats,
        scene,
        other,
        bob,
    };
    apart.wait_for_nats().await;
    apart
}

impl Apart {
    /// Waits until signals reach bob at the other server.
    async fn wait_for_nats(&self) {
        poll::until("signals cross", HEARD_WITHIN * 10, async || {
            let sent = self.scene.alice.signal(&self.scene.bob.id, json!(1)).await;
            (sent.ok()? == json!({ "online": true })).then_some(())
        })
        .await;
        // what was sent meanwhile is in the log as well
        tokio::time::sleep(HEARD_WITHIN).await;
        self.bob.client.drain();
        self.scene.alice.client.drain();
    }

    /// Whether entries of the log of events are refused from now on.
    async fn refuse_entries(&self, refuse: bool) {
        let validator = if refuse {
            doc! { "at": "never" }
        } else {
            doc! {}
        };
        let command = doc! { "collMod": "chatzz_events", "validator": validator };
        let database = self.scene.database.raw();
        database.run_command(command).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_comes_by_nats_and_once_more_by_the_log() {
    shows(Bug::HintTwice, async |bug| {
        let apart = apart(bug).await;
        apart.scene.send("hello").await;
        apart.bob.client.wait_for("new-message").await;
        apart
            .bob
            .read_up_to(&apart.scene.alice.id, 1)
            .await
            .unwrap();
        tokio::time::sleep(HEARD_WITHIN).await;
        let heard = apart.scene.alice.client.drain().into_iter();
        let heard = heard.filter(|one| one.kind == "message-status-changed");
        let read = heard.filter(|one| one.data["status"] == "read").count();
        drop(apart.other);
        read == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nats_lost_is_never_announced() {
    shows(Bug::GapUnseen, async |bug| {
        let mut apart = apart(bug).await;
        apart.scene.send("the first").await;
        apart.bob.client.wait_for("new-message").await;
        apart.refuse_entries(true).await;
        apart.nats.kill();
        apart.scene.send("lost").await;
        apart.nats.restart().await;
        apart.wait_for_nats().await;
        apart.scene.send("the last").await;
        apart.refuse_entries(false).await;
        tokio::time::sleep(HEARD_WITHIN).await;
        let heard = apart.bob.client.drain().into_iter();
        let heard = heard.filter(|one| one.kind == "new-message");
        let texts: Vec<Value> = heard.map(|one| one.data["message"].clone()).collect();
        drop(apart.other);
        texts == ["the last"]
    })
    .await;
}
