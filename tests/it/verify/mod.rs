//! `chatzz verify`: sound databases are clean, each damage is found, and mended.

#[cfg(unix)]
mod binary;
mod changes;
mod damage;
mod healthy;
mod messages;
mod repair;
mod resume;
mod rooms;

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use chatzz::store::Store;
use chatzz::verify::{Check, Options, Report};

use crate::support::database::TestDatabase;
use crate::support::server::{Server, config};

/// A database that a server made: alice and bob have eight messages, of which
/// bob read four and was sent six; carol, who never came, has two more.
struct World {
    database: TestDatabase,
    store: Store,
    alice: ObjectId,
    bob: ObjectId,
    carol: ObjectId,
    /// The chat room of alice and bob.
    room: ObjectId,
    /// The chat room of alice and carol.
    other: ObjectId,
}

/// Sends of alice to bob, in all.
const SENT: i64 = 8;

impl World {
    /// What a server left behind that was stopped in order.
    async fn healthy() -> Self {
        let database = TestDatabase::shared().await;
        let server = Server::try_on_database(database.uri(), database.name(), &[]);
        let mut server = server.await.unwrap();
        let (alice, bob) = server.pair().await;
        let carol = server.user("carol").await;
        alice.add(&carol).await.unwrap();
        for number in 1..=6 {
            let (text, key) = (format!("text {number}"), format!("key-{number}"));
            alice.send_with(&bob.id, &text, &key).await.unwrap();
        }
        bob.read_up_to(&alice.id, 4).await.unwrap();
        bob.client.close().await;
        alice.client.wait_for("chat-user-status-changed").await;
        for number in 7..=SENT {
            let (text, key) = (format!("text {number}"), format!("key-{number}"));
            alice.send_with(&bob.id, &text, &key).await.unwrap();
        }
        for text in ["one", "two"] {
            alice.send(&carol, text).await.unwrap();
        }
        let id = async |user| {
            let chat_user: Document = server.chat_user(user).await;
            chat_user.get_object_id("_id").unwrap()
        };
        let (a, b, c) = (id(&alice.id).await, id(&bob.id).await, id(&carol).await);
        server.stop().await;
        let store = store(&database).await;
        assert!(
            run(&store, &quick()).await.is_clean(),
            "with what the server logged"
        );
        // what is damaged below is none of the log
        let events = database.collection("chatzz_events");
        events.delete_many(doc! {}).await.unwrap();
        Self {
            room: room_of(&database, a, b).await,
            other: room_of(&database, a, c).await,
            alice: a,
            bob: b,
            carol: c,
            database,
            store,
        }
    }

    async fn verify(&self) -> Report {
        run(&self.store, &quick()).await
    }

    async fn repair(&self) -> Report {
        let repair = Options {
            repair: true,
            ..quick()
        };
        run(&self.store, &repair).await
    }

    /// What `verify` finds, and is to find: each check once.
    async fn assert_finds(&self, wanted: &[Check]) -> Report {
        let report = self.verify().await;
        assert_eq!(checks(&report), wanted, "{report}");
        report
    }

    /// The same; `--repair` mends it all, and nothing is left to do.
    async fn assert_finds_and_mends(&self, wanted: &[Check]) {
        self.assert_finds(wanted).await;
        let mended = self.repair().await;
        assert!(mended.is_clean() && !mended.findings.is_empty(), "{mended}");
        self.assert_stays_clean().await;
    }

    /// The same; `--repair` says that it cannot mend this, and changes nothing.
    async fn assert_finds_and_leaves(&self, wanted: &[Check]) {
        self.assert_finds(wanted).await;
        let before = self.database.fingerprint().await;
        let left = self.repair().await;
        assert_eq!(checks(&left), wanted, "{left}");
        assert!(
            left.findings.iter().all(|f| f.repaired == Some(false)),
            "{left}"
        );
        assert!(!left.is_clean(), "{left}");
        assert_eq!(self.database.fingerprint().await, before);
    }

    async fn assert_stays_clean(&self) {
        let before = self.database.fingerprint().await;
        let again = self.repair().await;
        assert_eq!(again.findings, [], "{again}");
        assert_eq!(self.database.fingerprint().await, before);
    }

    async fn update(&self, collection: &str, filter: Document, update: Document) {
        let collection = self.database.collection(collection);
        let updated = collection.update_one(filter, update).await.unwrap();
        assert_eq!(updated.modified_count, 1, "the damage is done");
    }

    /// Changes a message of alice to bob.
    async fn update_message(&self, seq: i64, update: Document) {
        let filter = doc! { "chatRoom": self.room, "seq": seq };
        self.update("chatmessages", filter, update).await;
    }

    /// A message of alice to bob.
    async fn message(&self, seq: i64) -> Document {
        let messages = self.database.collection("chatmessages");
        let message = messages.find_one(doc! { "chatRoom": self.room, "seq": seq });
        message.await.unwrap().unwrap()
    }

    /// Up to where bob has read, and how many messages that are.
    async fn read_cursor(&self) -> (i64, i64) {
        let rooms = self.database.collection("chatrooms");
        let room = rooms.find_one(doc! { "_id": self.room });
        let room = room.await.unwrap().unwrap();
        let cursors = room.get_document("cursors").unwrap();
        let cursors = cursors.get_document(self.bob.to_hex()).unwrap();
        let read = cursors.get_document("read").unwrap();
        (read.get_i64("seq").unwrap(), read.get_i64("count").unwrap())
    }

    /// Stores a changed copy of a message of alice to bob.
    async fn copy_message(&self, seq: i64, changes: Document) {
        let messages = self.database.collection("chatmessages");
        let filter = doc! { "chatRoom": self.room, "seq": seq };
        let mut copy = messages.find_one(filter).await.unwrap().unwrap();
        copy.remove("clientId");
        copy.insert("_id", ObjectId::new());
        copy.extend(changes);
        messages.insert_one(copy).await.unwrap();
    }

    async fn delete(&self, collection: &str, filter: Document) {
        let collection = self.database.collection(collection);
        let deleted = collection.delete_one(filter).await.unwrap();
        assert_eq!(deleted.deleted_count, 1, "the damage is done");
    }

    async fn drop_index(&self, collection: &str, index: &str) {
        let command = doc! { "dropIndexes": collection, "index": index };
        self.database.raw().run_command(command).await.unwrap();
    }
}

async fn room_of(database: &TestDatabase, a: ObjectId, b: ObjectId) -> ObjectId {
    let members = doc! { "chatUsers": { "$all": [a, b] } };
    let rooms = database.collection("chatrooms");
    let room = rooms
        .find_one(members)
        .await
        .unwrap()
        .expect("they have a chat room");
    room.get_object_id("_id").unwrap()
}

pub(crate) async fn store(database: &TestDatabase) -> Store {
    let keys = database.keys().into_iter();
    let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Store::connect(&config(&keys.collect())).await.unwrap()
}

/// The store of a server that runs.
pub(crate) async fn store_of(server: &Server) -> Store {
    Store::connect(&config(server.settings())).await.unwrap()
}

/// Nobody writes: pauses need not be long.
fn quick() -> Options {
    Options {
        pause: Duration::from_millis(5),
        ..Options::default()
    }
}

async fn run(store: &Store, options: &Options) -> Report {
    chatzz::verify::run(store, options).await.unwrap()
}

/// Checks that there is nothing to find in the database of a server that runs.
pub(crate) async fn assert_clean(server: &Server) {
    let report = run(&store_of(server).await, &Options::default()).await;
    assert!(report.is_clean(), "{report}");
}

fn checks(report: &Report) -> Vec<Check> {
    report.findings.iter().map(|f| f.check).collect()
}
