//! A chatzz server in this process, on a database of the test's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use chatzz::app::{App, Operator};
use chatzz::clock::Clock;
use chatzz::config::{Config, Mode};
use chatzz::hooks::InProcess;
use mongodb::{Client as Mongo, Collection, Database};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::database::user_document;
use super::ended;
use super::frame::{Client, ConnectOptions};
use super::mongod;
use super::poll::eventually;
use super::user::Person;

/// A server, its configuration and its database.
pub struct Server {
    settings: BTreeMap<String, String>,
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
    operator: Option<Operator>,
    hooks: Option<InProcess>,
    mongo: Mongo,
    database: String,
}

impl Server {
    /// A server with the defaults.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with some keys set, on the shared mongod.
    pub async fn with(keys: &[(&str, &str)]) -> Self {
        let uri = mongod::shared_uri().await;
        Self::on(&uri, keys).await
    }

    /// A server with hooks that are part of it.
    pub async fn with_hooks(hooks: InProcess, keys: &[(&str, &str)]) -> Self {
        let uri = mongod::shared_uri().await;
        let database = ended::database_of_this_test();
        let started = Self::try_start(&uri, &database, keys, Some(hooks)).await;
        started.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// A server with some keys set, on a mongod of the test's own.
    pub async fn on(uri: &str, keys: &[(&str, &str)]) -> Self {
        let database = ended::database_of_this_test();
        Self::on_database(uri, &database, keys).await
    }

    /// A server on a database that may contain something already.
    pub async fn on_database(uri: &str, database: &str, keys: &[(&str, &str)]) -> Self {
        let started = Self::try_on_database(uri, database, keys).await;
        started.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// As [`Server::on_database`], or the error with which it refuses to start.
    pub async fn try_on_database(
        uri: &str,
        database: &str,
        keys: &[(&str, &str)],
    ) -> Result<Self, String> {
        Self::try_start(uri, database, keys, None).await
    }

    async fn try_start(
        uri: &str,
        database: &str,
        keys: &[(&str, &str)],
        hooks: Option<InProcess>,
    ) -> Result<Self, String> {
        let mut settings: BTreeMap<String, String> = [
            ("CHATZZ_LISTEN", "127.0.0.1:0"),
            ("CHATZZ_METRICS_LISTEN", "off"),
            ("CHATZZ_AUTH", "trusted"),
            ("CHATZZ_DATABASE", database),
            ("CHATZZ_MONGODB_URI", uri),
            ("CHATZZ_MONGODB_POOL_MIN", "2"),
            // most tests send bursts; the tests of limits set these keys
            ("CHATZZ_RATE_LIMITS", "off"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        for (key, value) in keys {
            settings.insert((*key).to_owned(), (*value).to_owned());
        }
        let mongo = Mongo::with_uri_str(mongod::as_administrator(uri))
            .await
            .unwrap();
        let mut server = Self {
            settings,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            stop: None,
            running: None,
            operator: None,
            hooks,
            mongo,
            database: database.to_owned(),
        };
        server.run().await?;
        Ok(server)
    }

    async fn run(&mut self) -> Result<(), String> {
        let app = self.build().await.map_err(|error| error.to_string())?;
        self.addr = app.addr();
        self.operator = Some(app.operator());
        let (stop, stopped) = oneshot::channel::<()>();
        self.stop = Some(stop);
        self.running = Some(tokio::spawn(app.run_until(async {
            // a test that ends without stopping the server drops the sender
            let _ = stopped.await;
        })));
        Ok(())
    }

    async fn build(&self) -> Result<App, chatzz::app::StartError> {
        let hooks = self.hooks.clone();
        App::build_with(config(&self.settings), axum::Router::new(), hooks).await
    }

    /// Stops the server in order.
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    /// Stops the server and starts it again on the same port and database.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.settings
            .insert("CHATZZ_LISTEN".to_owned(), self.addr.to_string());
        let started = self.run().await;
        started.unwrap_or_else(|refusal| panic!("{refusal}"));
    }

    /// The address where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The keys of its configuration.
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// The requests of an administrator.
    pub fn operator(&self) -> &Operator {
        self.operator.as_ref().expect("it runs")
    }

    /// The test's own database, with a connection beside the server's.
    pub fn database(&self) -> Database {
        self.mongo.database(&self.database)
    }

    /// One of its collections.
    #[expect(clippy::disallowed_methods, reason = "a test looks into the database")]
    pub fn collection(&self, name: &str) -> Collection<Document> {
        self.database().collection(name)
    }

    /// Stores a user as the application would; returns the id as in the protocol.
    pub async fn user(&self, username: &str) -> Value {
        let id = ObjectId::new();
        self.store_user(user_document(id, username)).await;
        Value::from(id.to_hex())
    }

    /// Stores a user document as it is.
    pub async fn store_user(&self, user: Document) {
        self.collection("users").insert_one(user).await.unwrap();
    }

    /// Connects a client that has not logged in.
    pub async fn client(&self) -> Client {
        Client::connect(ConnectOptions::new(self.addr))
            .await
            .unwrap()
    }

    /// Connects a client as a user and logs in; `user-details` remains to be read.
    pub async fn login(&self, id: &Value) -> Person {
        let person = self.socket_of(id).await;
        person.login().await.unwrap();
        person
    }

    /// Connects a client that will act as a user, and does not log in.
    pub async fn socket_of(&self, id: &Value) -> Person {
        Person::new(self.client().await, id.clone())
    }

    /// A new user, logged in, with the `user-details` already taken.
    pub async fn person(&self, username: &str) -> Person {
        let id = self.user(username).await;
        let person = self.login(&id).await;
        person.client.expect_envelope("user-details").await;
        person
    }

    /// Logs in with a new client; returns the `user-details` as well.
    pub async fn arrive(&self, id: &Value) -> (Person, Value) {
        let person = self.login(id).await;
        let details = person.client.expect_envelope("user-details").await;
        (person, details)
    }

    /// One more socket of a user, logged in, with its `user-details` already taken.
    pub async fn another_of(&self, person: &Person) -> Person {
        self.arrive(&person.id).await.0
    }

    /// Two people who have a chat room; the second has disconnected. All their envelopes
    /// have been taken; returns the second's id.
    pub async fn pair_with_absent(&self) -> (Person, Value) {
        let (alice, bob) = self.pair().await;
        bob.client.close().await;
        alice
            .client
            .expect_envelope("chat-user-status-changed")
            .await;
        (alice, bob.id.clone())
    }

    /// Two people who have a chat room; all its envelopes have been taken.
    pub async fn pair(&self) -> (Person, Person) {
        let (alice, bob) = (self.person("alice").await, self.person("bob").await);
        alice.add(&bob.id).await.unwrap();
        bob.client.expect_envelope("chat-user-added").await;
        (alice, bob)
    }

    /// Stores messages of one person to another, contacts who have written nothing yet, that
    /// no server announces: as if one had stored them and been killed.
    pub async fn store_unannounced(&self, from: &Value, to: &Value, count: i64) {
        let rooms = self.dump("chatrooms").await;
        let room = rooms.first().expect("they are contacts");
        let (sender, receiver) = (self.chat_user(from).await, self.chat_user(to).await);
        let is_first = room.get_array("chatUsers").unwrap().first() == sender.get("_id");
        let messages = (1..=count).map(|seq| {
            let counts = if is_first { [seq, 0] } else { [0, seq] };
            doc! {
                "chatRoom": room.get("_id").cloned(),
                "seq": seq,
                "from": sender.get("_id").cloned(),
                "to": receiver.get("_id").cloned(),
                "message": format!("text {seq}"),
                "createdAt": Clock::System.now(),
                "counts": counts.to_vec(),
            }
        });
        let messages: Vec<Document> = messages.collect();
        let collection = self.collection("chatmessages");
        collection.insert_many(messages).await.unwrap();
    }

    /// All documents of a collection, in `_id` order, for comparing.
    pub async fn dump(&self, name: &str) -> Vec<Document> {
        use futures::TryStreamExt as _;
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

    /// How far a person has confirmed, in the only chat room there is.
    pub async fn delivered_cursor(&self, id: &Value) -> i64 {
        let member = self.chat_user(id).await.get_object_id("_id").unwrap();
        let rooms = self.dump("chatrooms").await;
        let cursors = rooms[0].get_document("cursors").unwrap();
        let cursor = cursors.get_document(member.to_hex());
        cursor.map_or(0, |cursor| cursor.get_i64("delivered").unwrap_or_default())
    }

    /// Waits until a person has confirmed this far in the only chat room there is.
    pub async fn wait_for_cursor(&self, id: &Value, seq: i64) {
        let what = format!("the delivered cursor {seq}");
        eventually(&what, async || {
            (self.delivered_cursor(id).await == seq).then_some(())
        })
        .await;
    }

    /// The stored document of a chat user.
    pub async fn chat_user(&self, id: &Value) -> Document {
        let hex = id.as_str().and_then(|id| ObjectId::parse_str(id).ok());
        let user = hex.map_or_else(|| Bson::from(id.as_str().unwrap_or_default()), Bson::from);
        let collection = self.collection("chatusers");
        let found = collection.find_one(doc! { "user": user });
        found.await.unwrap().expect("the user has a chat user")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let refused = mongod::refused_on("users");
        // a test that has failed already says why
        assert!(
            refused.is_empty() || std::thread::panicking(),
            "users are only read: {refused:?}"
        );
    }
}

/// A configuration from some keys alone, as `serve` would read it.
pub fn config(settings: &BTreeMap<String, String>) -> Config {
    let lookup = |key: &str| settings.get(key).cloned();
    let names = settings.keys().cloned();
    let (config, _) =
        Config::from_lookup(lookup, names, Mode::Serve).unwrap_or_else(|errors| panic!("{errors}"));
    config
}
