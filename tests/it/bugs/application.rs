//! Bugs of what the application is asked and hears, and of what it does.

use std::time::Duration;

use serde_json::json;

use super::{Scene, shows};
use crate::api::events::receiver::{self, Receiver};
use crate::api::{BackEnd, free_addr, key_file};
use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::support::seeded::Bug;
use crate::support::service::Service;
use chatzz::config::ApiScope;

/// Longer than anything here takes, by far.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// Longer than it takes until another run of a server pushes, by far.
const PUSHED_WITHIN: Duration = Duration::from_secs(12);

/// A scene with a back end.
async fn with_back_end(bug: Option<Bug>) -> (Scene, BackEnd) {
    let (file, keys) = key_file(&[&ApiScope::ALL]);
    let addr = free_addr();
    let listen = addr.to_string();
    let more = [
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ];
    let scene = Scene::on(TestDatabase::shared().await, bug, &more).await;
    (scene, BackEnd::new(addr, &keys[0]))
}

/// A scene whose events are pushed to a receiver.
async fn pushing(bug: Option<Bug>, receiver: &Receiver) -> Scene {
    let url = receiver.url();
    let more = [
        ("CHATZZ_EVENTS_URL", url.as_str()),
        ("CHATZZ_EVENTS_SECRET", receiver::SECRET),
        ("CHATZZ_LEASE", "3s"),
    ];
    let scene = Scene::on(TestDatabase::shared().await, bug, &more).await;
    scene.send("first").await;
    receiver.wait_for(&["first"]).await;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_repeated_stores_its_message_again() {
    shows(Bug::KeyForgotten, async |bug| {
        let (scene, back_end) = with_back_end(bug).await;
        let (alice, bob) = (&scene.alice.id, &scene.bob.id);
        for _ in 0..2 {
            back_end.send(alice, bob, "once", "order-17").await;
        }
        scene.count("once").await == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_that_a_message_was_redacted() {
    shows(Bug::RedactionUnannounced, async |bug| {
        let (scene, back_end) = with_back_end(bug).await;
        let sent = scene.send("my telephone number").await;
        let id = sent["_id"].as_str().unwrap();
        let path = format!("/v1/messages/{id}/redact");
        back_end.call_as("POST", &path, &[], "").await;
        let heard = scene.bob.client.wait_for("message-changed");
        tokio::time::timeout(HEARD_WITHIN, heard).await.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stored_though_its_hook_did_not_answer() {
    shows(Bug::SilenceAllows, async |bug| {
        let hook = Service::answering(&json!({ "action": "allow" })).await;
        hook.delay(Duration::from_secs(3));
        let url = hook.url("/hook");
        let more = [
            ("CHATZZ_HOOKS", "before-send"),
            ("CHATZZ_HOOK_URL", url.as_str()),
            ("CHATZZ_HOOK_SECRET", receiver::SECRET),
            ("CHATZZ_HOOK_FAILURE", "refuse"),
            ("CHATZZ_HOOK_TIMEOUT", "200ms"),
        ];
        let scene = Scene::on(TestDatabase::shared().await, bug, &more).await;
        scene.alice.send(&scene.bob.id, "unasked").await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_on_its_way_is_lost_with_its_server() {
    shows(Bug::PushedBeforeTaken, async |bug| {
        let receiver = Receiver::start().await;
        let mut scene = pushing(bug, &receiver).await;
        receiver.answer(|_| 503);
        scene.send("on its way").await;
        // it takes 3 s until it was tried so often, and each second it is noted what was taken
        poll::eventually("it is tried six times", async || {
            (receiver.refused() >= 6).then_some(())
        })
        .await;
        scene.server = scene.server.kill_and_restart().await;
        receiver.answer(|_| 200);
        let heard = receiver.wait_for(&["on its way"]);
        tokio::time::timeout(PUSHED_WITHIN, heard).await.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_overtakes_the_one_that_was_set_aside() {
    shows(Bug::LettersOvertaken, async |bug| {
        let receiver = Receiver::start().await;
        let scene = pushing(bug, &receiver).await;
        let (carol, _) = {
            let carol = scene.database.user("carol").await;
            scene.server.login(&carol).await
        };
        carol.add(&scene.bob.id).await.unwrap();
        receiver.answer(|event| match receiver::text(event) {
            Some("refused") => 503,
            _ => 200,
        });
        scene.send("refused").await;
        // others are taken meanwhile, or nothing is set aside
        for number in 0.. {
            carol.send(&scene.bob.id, "taken").await.unwrap();
            if receiver.refused() >= 6 || number > 100 {
                break;
            }
            tokio::time::sleep(poll::PAUSE).await;
        }
        scene.send("next").await;
        let heard = receiver.wait_for(&["next"]);
        tokio::time::timeout(HEARD_WITHIN, heard).await.is_ok()
    })
    .await;
}
