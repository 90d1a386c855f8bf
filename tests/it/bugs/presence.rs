//! Bugs of presence.

use std::time::Duration;

use bson::doc;

use super::{Scene, shows};
use crate::support::poll;
use crate::support::seeded::Bug;

/// Longer than a clean disconnect takes to be announced, by far.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_that_somebody_went() {
    shows(Bug::LostOfflineEvent, async |bug| {
        let scene = Scene::set(bug).await;
        scene.alice.client.drain();
        scene.bob.client.close().await;
        scene.alice.client.next_event(TOLD_WITHIN).await.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_killed_server_stay_online_in_the_database() {
    shows(Bug::GhostsStayOnline, async |bug| {
        let Scene {
            database, server, ..
        } = Scene::set(bug).await;
        let online = async || {
            let online = doc! { "status": "online" };
            let users = database.collection("chatusers");
            users.count_documents(online).await.unwrap()
        };
        poll::eventually("both are stored online", async || {
            (online().await == 2).then_some(())
        })
        .await;
        let _server = server.kill_and_restart().await;
        online().await > 0
    })
    .await;
}
