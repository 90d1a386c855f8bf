//! Bugs of statuses and unread counts.

use chatzz::bugs::Bug;

use super::{Scene, shows};

#[tokio::test(flavor = "multi_thread")]
async fn one_persons_login_marks_anothers_messages_sent() {
    shows(Bug::EverybodyMarkedSent, async |bug| {
        let scene = Scene::set(bug).await;
        let (carol, dave) = (scene.absent("carol").await, scene.absent("dave").await);
        scene.alice.send(&carol, "for carol").await.unwrap();
        scene.alice.send(&dave, "for dave").await.unwrap();
        scene.server.login(&carol).await;
        assert_eq!(scene.status("for carol").await, "sent");
        scene.status("for dave").await == "sent"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_hand_over_makes_a_read_message_sent() {
    shows(Bug::ReadBackToSent, async |bug| {
        let scene = Scene::set(bug).await;
        scene.send("read").await;
        scene.bob.read_up_to(&scene.alice.id, 1).await.unwrap();
        scene.bob.client.close().await;
        let news = scene.alice.client.wait_for("chat-user-status-changed");
        assert_eq!(news.await["status"], "offline");
        scene.send("late").await;
        scene.server.login(&scene.bob.id).await;
        assert_eq!(scene.status("late").await, "sent");
        scene.status("read").await != "read"
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
