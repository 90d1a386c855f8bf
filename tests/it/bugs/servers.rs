//! Bugs between several servers.

use std::time::Duration;

use bson::doc;

use super::{Scene, shows};
use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::support::seeded::{self, Bug};

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
