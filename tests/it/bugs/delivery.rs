//! Bugs in what is announced to whom, and how often.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::{Scene, shows};
use crate::support::frame::{Client, CloseCause, ConnectOptions};
use crate::support::seeded::{self, Bug};

/// How long a second answer is waited for; it comes with the first.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_a_message() {
    shows(Bug::ThirdPartyDelivery, async |bug| {
        let scene = Scene::set(bug).await;
        let carol = scene.database.user("carol").await;
        let (carol, _) = scene.server.login(&carol).await;
        // when the second is answered, the first has been announced
        scene.send("one").await;
        scene.send("two").await;
        let roundtrip = carol.client.emit_with_ack("roundtrip", json!({}));
        roundtrip.await.unwrap();
        !carol.client.drain().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_acknowledged_twice() {
    shows(Bug::AnsweredTwice, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("hello").await;
        // the tests' client ends a connection on which anything is answered twice
        let ended = scene.alice.client.closed(NOTICED_WITHIN).await;
        matches!(ended, Ok(CloseCause::Unreadable(why)) if why.contains("a second ack"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_right_after_the_connect_is_never_answered() {
    shows(Bug::LateHandlers, async |bug| {
        let database = crate::support::database::TestDatabase::shared().await;
        let server = seeded::serve(bug, &database.keys()).await;
        let answers = join_all((0..20).map(|_| async {
            let client = Client::connect(ConnectOptions::new(server.addr())).await;
            client.unwrap().emit_with_ack("hello", json!({})).await
        }))
        .await;
        answers.iter().any(Result::is_err)
    })
    .await;
}
