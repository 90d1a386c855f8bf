//! Repairs beside a running server, and what is listed of very many findings.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use chatzz::domain::Counts;
use chatzz::store::chat_rooms::ScannedHead;
use chatzz::verify::{Check, Count, Options};

use super::{World, checks, run, store};
use crate::support::database::TestDatabase;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_moved_since_it_was_seen_is_not_overwritten() {
    let world = World::healthy().await;
    let id = chatzz::id::ChatRoomId::parse(&world.room.to_hex()).unwrap();
    let room = world.store.chat_rooms.find_scanned(id).await.unwrap();
    let seen = room.unwrap().head;
    let moved = doc! { "$set": { "lastSeq": 9_i64 } };
    world
        .update("chatrooms", doc! { "_id": world.room }, moved)
        .await;

    let older = ScannedHead { seq: 1, ..seen };
    let mended = world.store.chat_rooms.mend_head(id, seen, older).await;

    assert!(!mended.unwrap());
    let now = world.store.chat_rooms.find_scanned(id).await.unwrap();
    assert_eq!(now.unwrap().head.seq, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_moved_since_it_was_seen_is_not_overwritten() {
    let world = World::healthy().await;
    let id = chatzz::id::ChatRoomId::parse(&world.room.to_hex()).unwrap();
    let bob = chatzz::id::ChatUserId::parse(&world.bob.to_hex()).unwrap();
    let room = world.store.chat_rooms.find_scanned(id).await.unwrap();
    let seen = room.unwrap().read(bob);
    let member = bob.to_hex().to_string();
    let moved = format!("cursors.{member}.read");
    let moved = doc! { "$set": { format!("{moved}.seq"): 6_i64, format!("{moved}.count"): 6_i64 } };
    world
        .update("chatrooms", doc! { "_id": world.room }, moved)
        .await;

    let rooms = &world.store.chat_rooms;
    let mended = rooms.mend_read(id, &member, seen, (1, 1)).await;

    assert!(!mended.unwrap());
    world.assert_finds(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_changed_since_they_were_seen_are_not_overwritten() {
    let world = World::healthy().await;
    let id = world.message(8).await.get("_id").unwrap().clone();
    let messages = &world.store.messages;
    let seen = messages.find_scanned(&id).await.unwrap().unwrap();
    let changed = doc! { "$set": { "counts": [8_i64, 1_i64] } };
    world.update_message(8, changed).await;

    let mended = messages.mend_counts(&seen, Counts::new(8, 0)).await;

    assert!(!mended.unwrap());
    let now = messages.find_scanned(&id).await.unwrap().unwrap();
    assert_eq!(now.counts, Some(Counts::new(8, 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_working_server_repair_mends_the_damage_and_disturbs_nothing() {
    let database = TestDatabase::shared().await;
    let server = Server::try_on_database(database.uri(), database.name(), &[]);
    let mut server = server.await.unwrap();
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "the first").await.unwrap();
    let damage = doc! { "$set": { "lastSeq": 1_000_000_i64 } };
    let rooms = database.collection("chatrooms");
    rooms.update_one(doc! {}, damage).await.unwrap();
    let store = store(&database).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let talking = async {
        let mut sent = 1_i64;
        while !*stopped.borrow() {
            alice.send(&bob.id, "to bob").await.unwrap();
            sent += 1;
        }
        sent
    };
    let repairing = async {
        let repair = Options {
            repair: true,
            ..Options::default()
        };
        let report = run(&store, &repair).await;
        stop.send(true).unwrap();
        report
    };

    let (sent, report) = tokio::join!(talking, repairing);

    assert_eq!(checks(&report), [Check::Head], "{report}");
    assert!(report.is_clean(), "{report}");
    server.stop().await;
    let after = run(&store, &super::quick()).await;
    assert_eq!(after.findings, [], "{after}");
    let room = rooms.find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(room.get_i64("lastSeq").unwrap(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_findings_are_all_counted_and_some_are_listed() {
    let world = World::healthy().await;
    let orphan = |number: i64| -> Document {
        doc! {
            "_id": ObjectId::new(), "chatRoom": ObjectId::new(), "seq": number,
            "from": world.alice, "to": world.bob, "message": "lost",
            "createdAt": DateTime::from_millis(0), "counts": [1_i64, 0_i64],
        }
    };
    let orphans: Vec<Document> = (1..=6_000).map(orphan).collect();
    let messages = world.database.collection("chatmessages");
    messages.insert_many(orphans).await.unwrap();

    let report = world.verify().await;

    assert_eq!(report.findings.len(), 100);
    assert!(report.truncated);
    let count = Count {
        found: 6_000,
        repaired: 0,
    };
    assert_eq!(report.counts[&Check::Orphan], count);
}
