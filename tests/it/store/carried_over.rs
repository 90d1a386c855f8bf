//! Migration 0003 on databases of the version before: statuses become cursors.

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde_json::{Value, json};

use crate::support::binary::{Binary, Ended};
use crate::support::database::TestDatabase;
use crate::support::user::each;
use crate::verify::store;

/// What the version before kept: two people, and what they said.
struct Before {
    database: TestDatabase,
    alice: Value,
    bob: Value,
    alice_id: ObjectId,
    bob_id: ObjectId,
    room: ObjectId,
}

/// Who wrote, and how far it got; `None` is withheld.
type Said = (bool, Option<&'static str>);

impl Before {
    async fn with(said: &[Said]) -> Self {
        let database = TestDatabase::shared().await;
        let before = Self {
            alice: database.user("alice").await,
            bob: database.user("bob").await,
            alice_id: ObjectId::new(),
            bob_id: ObjectId::new(),
            room: ObjectId::new(),
            database,
        };
        before.prepare().await;
        before.store(said).await;
        before
    }

    /// Collections, indexes and records as the version before leaves them.
    async fn prepare(&self) {
        let raw = self.database.raw();
        for name in ["chatusers", "chatrooms", "chatmessages", "chatprivacy"] {
            raw.run_command(doc! { "create": name }).await.unwrap();
        }
        let unread = doc! { "name": "to_unread_chatRoom_seq",
        "key": { "to": 1, "unread": 1, "chatRoom": 1, "seq": 1 },
        "partialFilterExpression": { "unread": true } };
        let client_id = doc! { "name": "from_clientId", "key": { "from": 1, "clientId": 1 },
        "unique": true, "partialFilterExpression": { "clientId": { "$exists": true } } };
        let seq =
            doc! { "name": "chatRoom_seq", "key": { "chatRoom": 1, "seq": 1 }, "unique": true };
        let create = doc! { "createIndexes": "chatmessages", "indexes": [unread, client_id, seq] };
        raw.run_command(create).await.unwrap();
        let meta = self.database.collection("chatzz_meta");
        for migration in &chatzz::store::migrate::MIGRATIONS[..2] {
            let id = format!("migration:{}", migration.name);
            let record = doc! { "_id": id, "checksum": migration.checksum(),
            "version": "0.1.0", "appliedAt": DateTime::from_millis(1) };
            meta.insert_one(record).await.unwrap();
        }
    }

    async fn store(&self, said: &[Said]) {
        let person = |id: ObjectId, user: &Value| {
            let user = ObjectId::parse_str(user.as_str().unwrap()).unwrap();
            doc! { "_id": id, "user": user, "status": "offline", "lastOnline": null, "nodes": [] }
        };
        let people = [
            person(self.alice_id, &self.alice),
            person(self.bob_id, &self.bob),
        ];
        let users = self.database.collection("chatusers");
        users.insert_many(people).await.unwrap();
        let last = i64::try_from(said.len()).unwrap();
        let (low, high) = (
            self.alice_id.min(self.bob_id),
            self.alice_id.max(self.bob_id),
        );
        let rooms = self.database.collection("chatrooms");
        let room = doc! {
            "_id": self.room, "chatUsers": [self.alice_id, self.bob_id],
            "pair": format!("{low}:{high}"), "createdAt": DateTime::from_millis(1),
            "addedBy": self.alice_id, "lastSeq": last, "lastMessageAt": DateTime::from_millis(last),
            "cursors": { self.bob_id.to_hex(): { "delivered": 1_i64 } },
        };
        rooms.insert_one(room).await.unwrap();
        let messages = said
            .iter()
            .zip(1..)
            .map(|(said, seq)| self.message(*said, seq));
        let messages: Vec<Document> = messages.collect();
        let collection = self.database.collection("chatmessages");
        collection.insert_many(messages).await.unwrap();
    }

    fn message(&self, (by_alice, status): Said, seq: i64) -> Document {
        let (from, to) = if by_alice {
            (self.alice_id, self.bob_id)
        } else {
            (self.bob_id, self.alice_id)
        };
        let at = DateTime::from_millis(seq);
        let mut message = doc! {
            "_id": ObjectId::new(), "chatRoom": self.room, "from": from,
            "to": if status.is_some() { to } else { ObjectId::from_bytes([0; 12]) },
            "message": format!("text {seq}"), "createdAt": at, "seq": seq,
            "status": status.unwrap_or("sent"), "clientId": format!("key-{seq}"),
        };
        if status != Some("not_sent") && status != Some("untimed") {
            message.insert("sentAt", at);
        }
        match status {
            Some("read") => message.insert("readAt", at),
            _ => message.insert("unread", true),
        };
        if status == Some("untimed") {
            message.insert("status", "sent");
        }
        message
    }

    async fn migrate(&self) -> Ended {
        Binary::run(&["migrate"], &self.database.keys()).await
    }

    async fn room(&self) -> Document {
        self.database.dump("chatrooms").await.remove(0)
    }

    /// Up to where a member has read, how many messages that are, and what was sent.
    async fn cursors(&self, who: ObjectId) -> [i64; 3] {
        let room = self.room().await;
        let cursors = room.get_document("cursors").unwrap();
        let mut found = [0; 3];
        if let Ok(cursors) = cursors.get_document(who.to_hex()) {
            if let Ok(read) = cursors.get_document("read") {
                found[0] = read.get_i64("seq").unwrap();
                found[1] = read.get_i64("count").unwrap();
            }
            if let Ok(sent) = cursors.get_document("sent") {
                found[2] = sent.get_i64("seq").unwrap();
            }
        }
        found
    }

    async fn assert_clean(&self) {
        let store = store(&self.database).await;
        let options = chatzz::verify::Options::default();
        let report = chatzz::verify::run(&store, &options).await.unwrap();
        assert_eq!(report.findings, [], "{report}");
    }
}

const READ: Option<&str> = Some("read");
const SENT: Option<&str> = Some("sent");
const NOT_SENT: Option<&str> = Some("not_sent");

#[tokio::test(flavor = "multi_thread")]
async fn every_status_and_count_is_what_it_was_and_no_send_is_stored_twice() {
    let before = Before::with(&[
        (true, READ),
        (false, READ),
        (true, SENT),
        (true, READ),
        (true, None),
        (false, SENT),
        (true, SENT),
        (true, NOT_SENT),
    ])
    .await;

    let done = before.migrate().await;

    assert!(done.status.success(), "{done:?}");
    assert!(
        done.out
            .contains("1 chat rooms and 8 messages carried over; 1 unread messages"),
        "{}",
        done.out
    );
    assert_eq!(before.cursors(before.bob_id).await, [4, 3, 0]);
    assert_eq!(before.cursors(before.alice_id).await, [2, 1, 0]);
    before.assert_clean().await;
    let stored = before.database.dump("chatmessages").await;
    let is_old =
        |message: &Document| message.contains_key("status") || message.contains_key("unread");
    assert!(!stored.iter().any(is_old), "{stored:?}");
    let mut indexes = before.database.indexes("chatmessages").await;
    let indexes: Vec<String> = indexes
        .drain(..)
        .map(|index| index.get_str("name").unwrap().to_owned())
        .collect();
    assert_eq!(indexes.len(), 4, "{indexes:?}");

    let server = Binary::serve(&before.database.keys()).await;
    let (alice, details) = server.login(&before.alice).await;
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 1);
    let page = alice
        .history(json!({ "userId": before.bob }))
        .await
        .unwrap();
    let statuses = each(&page["messages"], "status");
    let expected = [
        "read", "read", "read", "read", "sent", "sent", "sent", "not_sent",
    ];
    assert_eq!(statuses, expected);
    assert!(page["messages"][0]["readAt"].is_string(), "of before");
    for seq in [1, 4, 8] {
        let (text, key) = (format!("text {seq}"), format!("key-{seq}"));
        let again = alice.send_with(&before.bob, &text, &key).await.unwrap();
        assert_eq!(
            (&again["seq"], &again["duplicate"]),
            (&json!(seq), &json!(true))
        );
    }
    let next = alice.send(&before.bob, "next").await.unwrap();
    assert_eq!(next["seq"], 9);
    let (_bob, details) = server.login(&before.bob).await;
    // of alice's, but for the withheld one, two of before and one of now
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 3);
    let missed = &details["missedMessages"][before.alice.as_str().unwrap()];
    assert_eq!(
        each(missed, "seq"),
        [3, 4, 7, 8, 9].map(|seq| json!(seq)).each_ref()
    );
    before.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_without_a_time_stays_sent() {
    let untimed = Some("untimed");
    let before = Before::with(&[(true, untimed), (true, untimed), (true, NOT_SENT)]).await;
    let done = before.migrate().await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(before.cursors(before.bob_id).await, [0, 0, 2]);
    before.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_goes_on() {
    let before = Before::with(&[(true, READ), (true, SENT), (false, READ)]).await;
    // begun, one message done, and killed then
    let meta = before.database.collection("chatzz_meta");
    let third = &chatzz::store::migrate::MIGRATIONS[2];
    let record = doc! { "_id": format!("migration:{}", third.name),
    "checksum": third.checksum(), "startedAt": DateTime::from_millis(2) };
    meta.insert_one(record).await.unwrap();
    let messages = before.database.collection("chatmessages");
    let counted = doc! { "$set": { "counts": [1_i64, 0_i64] } };
    messages
        .update_one(doc! { "seq": 1_i64 }, counted)
        .await
        .unwrap();

    let done = before.migrate().await;

    assert!(done.status.success(), "{done:?}");
    assert_eq!(before.cursors(before.bob_id).await, [1, 1, 0]);
    before.assert_clean().await;
    let again = before.migrate().await;
    assert!(again.out.contains("up to date"), "{}", again.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_server_of_another_version_runs_nothing_is_touched() {
    let before = Before::with(&[(true, READ), (false, SENT)]).await;
    let nodes = before.database.collection("chatzz_nodes");
    let lease = doc! { "_id": "old", "boot": "old#1", "renewedAt": DateTime::from_millis(1),
    "expiresAt": DateTime::MAX, "ended": false };
    nodes.insert_one(lease).await.unwrap();
    let stored = before.database.dump("chatmessages").await;

    let refused = before.migrate().await;

    assert!(!refused.status.success(), "{refused:?}");
    assert!(refused.err.contains("another version"), "{}", refused.err);
    assert_eq!(before.database.dump("chatmessages").await, stored);
    nodes.delete_one(doc! {}).await.unwrap();
    assert!(before.migrate().await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_that_there_is_no_way_back() {
    let before = Before::with(&[(true, READ)]).await;
    let shown = Binary::run(&["migrate", "--dry-run"], &before.database.keys()).await;
    assert!(shown.status.success(), "{shown:?}");
    assert!(shown.out.contains("back up first"), "{}", shown.out);
}
