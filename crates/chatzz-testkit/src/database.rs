//! A database of one test, accessed without the server.

use bson::oid::ObjectId;
use bson::{Document, doc};
use futures::TryStreamExt as _;
use mongodb::{Client as Mongo, Collection, Database};
use serde_json::Value;

#[cfg(unix)]
use super::binary::Binary;
use super::canary;
use super::ended;
use super::mongod;

/// A database, and the application's operations on its users.
pub struct TestDatabase {
    uri: String,
    name: String,
    mongo: Mongo,
}

impl TestDatabase {
    /// An empty database on the shared mongod.
    pub async fn shared() -> Self {
        Self::on(&mongod::shared_uri().await).await
    }

    /// An empty database on a mongod of the test's own.
    pub async fn on(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            name: ended::database_of_this_test(),
            mongo: Mongo::with_uri_str(mongod::as_administrator(uri))
                .await
                .unwrap(),
        }
    }

    /// The connection string of the database.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys that make a server use this database, on free ports.
    pub fn keys(&self) -> [(&str, &str); 7] {
        [
            ("CHATZZ_LISTEN", "127.0.0.1:0"),
            ("CHATZZ_METRICS_LISTEN", "off"),
            ("CHATZZ_AUTH", "trusted"),
            ("CHATZZ_DATABASE", &self.name),
            ("CHATZZ_MONGODB_URI", &self.uri),
            ("CHATZZ_MONGODB_POOL_MIN", "2"),
            ("CHATZZ_RATE_LIMITS", "off"),
        ]
    }

    /// The driver's handle.
    pub fn raw(&self) -> Database {
        self.mongo.database(&self.name)
    }

    /// One of its collections.
    #[expect(clippy::disallowed_methods, reason = "a test looks into the database")]
    pub fn collection(&self, name: &str) -> Collection<Document> {
        self.raw().collection(name)
    }

    /// Stores a user as the application would; returns the id as in the protocol.
    pub async fn user(&self, username: &str) -> Value {
        let id = ObjectId::new();
        let user = user_document(id, username);
        self.collection("users").insert_one(user).await.unwrap();
        Value::from(id.to_hex())
    }

    /// All documents of a collection, in `_id` order.
    pub async fn dump(&self, name: &str) -> Vec<Document> {
        let collection = self.collection(name);
        let all = collection.find(doc! {}).sort(doc! { "_id": 1 });
        all.await.unwrap().try_collect().await.unwrap()
    }

    /// The stored messages, in the order of `seq`.
    pub async fn messages(&self) -> Vec<Document> {
        let mut messages = self.dump("chatmessages").await;
        messages.sort_by_key(|message| message.get_i64("seq").unwrap_or_default());
        messages
    }

    /// The names of the collections, sorted; none while the database does not exist.
    pub async fn collections(&self) -> Vec<String> {
        let mut names = self.raw().list_collection_names().await.unwrap();
        names.sort();
        names
    }

    /// The indexes of a collection as the database describes them, by name.
    pub async fn indexes(&self, name: &str) -> Vec<Document> {
        let list = doc! { "listIndexes": name };
        let cursor = self.raw().run_cursor_command(list).await.unwrap();
        let mut indexes: Vec<Document> = cursor.try_collect().await.unwrap();
        indexes.sort_by_key(|index| index.get_str("name").unwrap().to_owned());
        indexes
    }

    /// A hash of every collection's bytes, and all their indexes.
    pub async fn fingerprint(&self) -> (Document, Vec<Vec<Document>>) {
        let hash = self.raw().run_command(doc! { "dbHash": 1 }).await.unwrap();
        let mut indexes = Vec::new();
        for name in self.collections().await {
            indexes.push(self.indexes(&name).await);
        }
        (hash.get_document("collections").unwrap().clone(), indexes)
    }

    /// Asserts that `serve`, `migrate` and `verify --repair` refuse this database with this
    /// text, and change no byte of it.
    #[cfg(unix)]
    pub async fn is_refused(&self, words: &[&str]) {
        let before = self.fingerprint().await;
        for (command, code) in [
            (&["serve"][..], 1),
            (&["migrate"], 1),
            (&["migrate", "--dry-run"], 1),
            (&["verify", "--repair"], 2),
        ] {
            let ended = Binary::run(command, &self.keys()).await;
            assert_eq!(ended.status.code(), Some(code), "{command:?}: {ended:?}");
            for word in words {
                assert!(ended.err.contains(word), "no {word:?} in: {}", ended.err);
            }
        }
        assert_eq!(self.fingerprint().await, before);
    }
}

/// A user as stored by an application, with canaries in everything that others must not see.
pub fn user_document(id: ObjectId, username: &str) -> Document {
    doc! {
        "_id": id,
        "username": username,
        "email": format!("{}@example.org", canary::USER),
        "password": format!("$2b$10${}", canary::USER),
        "resetToken": { "value": canary::USER, "until": bson::DateTime::MAX },
        "profile": { "phone": canary::USER, "private": [{ "note": canary::USER }] },
    }
}
