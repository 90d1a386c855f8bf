//! Repairs beside a running server, and what is listed of very many findings.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use chatzz::store::chat_rooms::Heads;
use chatzz::verify::{Check, Count, Options};

use super::{World, checks, run, store};
use crate::support::database::TestDatabase;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_moved_since_it_was_seen_is_not_overwritten() {
    let world = World::healthy().await;
    let id = chatzz::id::ChatRoomId::parse(&world.room.to_hex()).unwrap();
    let room = world.store.chat_rooms.find_scanned(id).await.unwrap();
    let seen = room.unwrap().heads;
    let moved = doc! { "$set": { "lastSeq": 9_i64 } };
    world
        .update("chatrooms", doc! { "_id": world.room }, moved)
        .await;

    let older = Heads {
        seq: 1,
        at: seen.at,
    };
    let mended = world.store.chat_rooms.mend_head(id, seen, older).await;

    assert!(!mended.unwrap());
    let now = world.store.chat_rooms.find_scanned(id).await.unwrap();
    assert_eq!(now.unwrap().heads.seq, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_read_since_it_was_seen_is_not_overwritten() {
    let world = World::healthy().await;
    let now = DateTime::from_millis(1_800_000_000_000);
    let sent_without_status = doc! { "$set": { "sentAt": now } };
    world.update_message(8, sent_without_status).await;
    let filter = doc! { "chatRoom": world.room, "seq": 8 };
    let messages = world.database.collection("chatmessages");
    let message = messages.find_one(filter).await.unwrap().unwrap();
    let id = message.get("_id").unwrap();
    let seen = world.store.messages.find_scanned(id).await.unwrap();
    let read = doc! { "$set": { "status": "read", "readAt": now }, "$unset": { "unread": "" } };
    world.update_message(8, read).await;

    let mended = world.store.messages.mend_status(&seen.unwrap()).await;

    assert!(!mended.unwrap());
    world.assert_finds(&[]).await;
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
            "createdAt": DateTime::from_millis(0), "status": "not_sent", "unread": true,
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
