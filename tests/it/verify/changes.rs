//! The chat room knows of all changes of its messages.

use bson::doc;
use chatzz::verify::Check;

use super::World;

impl World {
    async fn change(&self, seq: i64, rev: i64) {
        let changed = doc! { "$set": { "message": "", "redacted": true, "rev": rev } };
        self.update_message(seq, changed).await;
    }

    async fn know(&self, rev: i64) {
        let known = doc! { "$set": { "rev": rev } };
        self.update("chatrooms", doc! { "_id": self.room }, known)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_the_chat_room_knows_of_are_no_finding() {
    let world = World::healthy().await;
    world.change(5, 1).await;
    world.change(2, 2).await;
    // a server went down before the change that it had made known
    world.know(3).await;

    world.assert_finds(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_the_chat_room_does_not_know_of_is_made_known() {
    let world = World::healthy().await;
    world.change(5, 1).await;

    world.assert_finds_and_mends(&[Check::Changes]).await;
}
