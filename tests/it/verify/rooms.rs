//! Damaged chat rooms: pairs, heads, cursors, members.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use chatzz::verify::Check;

use super::{SENT, World};

impl World {
    async fn update_room(&self, update: Document) {
        let room = doc! { "_id": self.room };
        self.update("chatrooms", room, update).await;
    }

    async fn room(&self) -> Document {
        let rooms = self.database.collection("chatrooms");
        let room = rooms.find_one(doc! { "_id": self.room });
        room.await.unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_room_of_a_pair_is_found() {
    let world = World::healthy().await;
    world.drop_index("chatrooms", "pair").await;
    let second = doc! {
        "_id": ObjectId::new(),
        "lastSeq": 0_i64,
        "lastMessageAt": null,
        "lastCounts": [0_i64, 0_i64],
        "cursors": {},
    };
    let mut room = world.room().await;
    room.extend(second);
    let rooms = world.database.collection("chatrooms");
    rooms.insert_one(room).await.unwrap();

    let both = [Check::Index, Check::DuplicateRoom];
    world.assert_finds_and_leaves(&both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_that_of_the_members_is_found() {
    let world = World::healthy().await;
    world
        .update_room(doc! { "$set": { "pair": "alice:bob" } })
        .await;

    world.assert_finds_and_leaves(&[Check::Pair]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_without_two_members_is_found() {
    let world = World::healthy().await;
    world
        .update_room(doc! { "$set": { "chatUsers": [world.alice] } })
        .await;

    world.assert_finds_and_leaves(&[Check::Malformed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_differs_from_the_messages_is_counted_anew() {
    let world = World::healthy().await;
    let sound = world.room().await;
    for damage in [
        doc! { "$set": { "lastSeq": 3_i64 } },
        doc! { "$set": { "lastSeq": 50_i64 } },
        doc! { "$set": { "lastMessageAt": DateTime::from_millis(5) } },
        doc! { "$set": { "lastMessageAt": DateTime::MAX } },
        doc! { "$set": { "lastCounts": [1_i64, 9_i64] } },
        doc! { "$unset": { "lastSeq": "", "lastMessageAt": "", "lastCounts": "" } },
    ] {
        world.update_room(damage.clone()).await;

        world.assert_finds_and_mends(&[Check::Head]).await;

        let mended = world.room().await;
        for field in ["lastSeq", "lastMessageAt", "lastCounts", "cursors"] {
            assert_eq!(mended.get(field), sound.get(field), "{damage}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_beyond_the_last_message_is_clamped() {
    for cursor in ["delivered", "sent.seq", "read.seq"] {
        let world = World::healthy().await;
        let field = format!("cursors.{}.{cursor}", world.bob.to_hex());
        let damage = doc! { "$set": { &field: 1_000_i64 } };
        world.update_room(damage).await;

        world.assert_finds_and_mends(&[Check::Cursor]).await;

        let mut value = bson::Bson::from(world.room().await);
        for part in field.split('.') {
            value = value.as_document().unwrap().get(part).unwrap().clone();
        }
        assert_eq!(value.as_i64(), Some(SENT), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_read_messages_that_is_wrong_is_counted_anew() {
    let world = World::healthy().await;
    let sound = world.read_cursor().await;
    let field = format!("cursors.{}.read.count", world.bob.to_hex());
    world.update_room(doc! { "$set": { field: 77_i64 } }).await;

    world.assert_finds_and_mends(&[Check::Cursor]).await;

    assert_eq!(world.read_cursor().await, sound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_a_chat_user_is_found() {
    let world = World::healthy().await;
    world.delete("chatusers", doc! { "_id": world.carol }).await;

    world.assert_finds_and_leaves(&[Check::MemberMissing]).await;
}
