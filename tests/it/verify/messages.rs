//! Damaged messages: numbers, times, statuses, orphans.

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use chatzz::verify::Check;

use super::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_number_is_one_gap() {
    let world = World::healthy().await;
    for seq in [3, 4] {
        let one = doc! { "chatRoom": world.room, "seq": seq };
        world.delete("chatmessages", one).await;
    }

    let report = world.assert_finds(&[Check::SeqGap]).await;

    assert_eq!(report.findings[0].detail, "`seq` 3 to 4 are missing");
    assert_eq!(report.findings[0].ids["chatRoom"], world.room.to_hex());
    world.assert_finds_and_leaves(&[Check::SeqGap]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_do_not_begin_with_one_are_a_gap() {
    let world = World::healthy().await;
    let first = doc! { "chatRoom": world.room, "seq": 1 };
    world.delete("chatmessages", first).await;

    let report = world.assert_finds(&[Check::SeqGap]).await;

    assert_eq!(report.findings[0].detail, "it begins with `seq` 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_there_twice_is_found() {
    let world = World::healthy().await;
    world.drop_index("chatmessages", "chatRoom_seq").await;
    world.copy_message(3, doc! {}).await;

    let both = [Check::Index, Check::SeqDuplicate];
    world.assert_finds_and_leaves(&both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_found() {
    let world = World::healthy().await;
    world.copy_message(3, doc! { "seq": "three" }).await;
    world.assert_finds_and_leaves(&[Check::SeqInvalid]).await;
    let text = doc! { "seq": "three" };
    world.delete("chatmessages", text).await;

    world.copy_message(1, doc! { "seq": 0_i64 }).await;

    world.assert_finds_and_leaves(&[Check::SeqInvalid]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_messages_of_one_client_id_are_found() {
    let world = World::healthy().await;
    world
        .drop_index("chatmessages", "chatRoom_from_clientId")
        .await;
    world
        .update_message(2, doc! { "$set": { "clientId": "key-1" } })
        .await;

    let both = [Check::Index, Check::DuplicateClientId];
    world.assert_finds_and_leaves(&both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_older_than_the_one_before_is_found() {
    let world = World::healthy().await;
    let long_ago = doc! { "$set": { "createdAt": DateTime::from_millis(0) } };
    world.update_message(3, long_ago).await;

    world.assert_finds_and_leaves(&[Check::CreatedAt]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_do_not_add_up_are_counted_anew() {
    for damage in [
        doc! { "$set": { "counts": [40_i64, 0_i64] } },
        doc! { "$set": { "counts": [1_i64] } },
        doc! { "$set": { "counts": "many" } },
        doc! { "$unset": { "counts": "" } },
    ] {
        let world = World::healthy().await;
        let sound = world.message(5).await;
        world.update_message(5, damage.clone()).await;

        world.assert_finds_and_mends(&[Check::Counts]).await;

        let mended = world.message(5).await;
        assert_eq!(mended.get("counts"), sound.get("counts"), "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_before_that_was_read_moves_its_receivers_cursor() {
    let world = World::healthy().await;
    let now = DateTime::from_millis(1_800_000_000_000);
    // read up to 4
    world
        .update_message(6, doc! { "$set": { "readAt": now } })
        .await;

    world.assert_finds_and_mends(&[Check::Status]).await;

    assert_eq!(world.read_cursor().await, (6, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_without_a_chat_room_are_found() {
    let world = World::healthy().await;
    world.delete("chatrooms", doc! { "_id": world.other }).await;
    let report = world.assert_finds(&[Check::Orphan]).await;
    assert!(
        report.findings[0].detail.starts_with("2 messages"),
        "{report}"
    );
    world.assert_finds_and_leaves(&[Check::Orphan]).await;

    world.copy_message(3, doc! { "chatRoom": null }).await;
    world.copy_message(3, doc! { "chatRoom": true }).await;

    world.assert_finds(&[Check::Orphan; 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_stranger_is_found() {
    let world = World::healthy().await;
    world
        .update_message(3, doc! { "$set": { "from": ObjectId::new() } })
        .await;

    world.assert_finds_and_leaves(&[Check::Stranger]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_writes_to_nobody_is_found_too() {
    let world = World::healthy().await;
    let nobody = ObjectId::from_bytes([0; 12]);
    let changes = doc! { "from": ObjectId::new(), "to": nobody };
    world.update_message(7, doc! { "$set": changes }).await;

    world.assert_finds_and_leaves(&[Check::Stranger]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_server_cannot_read_is_found() {
    let world = World::healthy().await;
    world
        .update_message(5, doc! { "$set": { "from": "alice" } })
        .await;

    world.assert_finds_and_leaves(&[Check::Malformed]).await;
}
