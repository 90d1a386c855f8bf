//! Bugs of cursors and of the counts that go with them.

use serde_json::json;

use super::{Scene, shows};
use crate::support::database::TestDatabase;
use crate::support::seeded::Bug;

#[tokio::test(flavor = "multi_thread")]
async fn one_person_reads_and_the_other_has_read() {
    shows(Bug::BothCursorsMoved, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("to bob").await;
        scene.bob.send(&scene.alice.id, "to alice").await.unwrap();
        scene.bob.read_up_to(&scene.alice.id, 2).await.unwrap();
        let query = json!({ "userId": scene.alice.id });
        let page = scene.bob.history(query).await.unwrap();
        assert_eq!(page["messages"][0]["status"], "read");
        page["messages"][1]["status"] == "read"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_less_than_before_moves_the_cursor_back() {
    shows(Bug::CursorFalls, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("one").await;
        scene.send("two").await;
        for up_to in [2, 1] {
            scene.bob.read_up_to(&scene.alice.id, up_to).await.unwrap();
        }
        let cursors = scene.cursors().await.unwrap();
        let read = cursors.get_document("read").unwrap();
        read.get_i64("seq").unwrap() != 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_still_counts_as_unread() {
    shows(Bug::UnreadDrift, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("read").await;
        scene.bob.read_up_to(&scene.alice.id, 1).await.unwrap();
        let (_bob, details) = scene.server.login(&scene.bob.id).await;
        details["connectedUsers"][0]["unreadCount"] != 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_hears_twice_that_a_message_was_read() {
    shows(Bug::RangeAnnouncedTwice, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("read").await;
        scene.bob.read_up_to(&scene.alice.id, 1).await.unwrap();
        scene.alice.client.wait_for("message-status-changed").await;
        let roundtrip = scene.alice.client.emit_with_ack("roundtrip", json!({}));
        roundtrip.await.unwrap();
        let more = scene.alice.client.drain();
        more.iter().any(|one| one.kind == "message-status-changed")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_was_read_covers_a_withheld_message() {
    shows(Bug::WithheldTurnsRead, async |bug| {
        let database = TestDatabase::shared().await;
        let withhold = [("CHATZZ_BLOCKED_SENDS", "withhold")];
        let scene = Scene::on(database, bug, &withhold).await;
        let whom = json!({ "userId": scene.alice.id });
        scene.send("before").await;
        scene.bob.ask("block-user", whom.clone()).await.unwrap();
        scene.send("withheld").await;
        scene.bob.ask("unblock-user", whom).await.unwrap();
        scene.send("after").await;
        scene.bob.read_up_to(&scene.alice.id, 3).await.unwrap();
        let announced = scene.alice.client.wait_for("message-status-changed").await;
        announced["range"].is_object()
    })
    .await;
}
