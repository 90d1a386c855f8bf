//! A database as chatzz 1.1.5 leaves it behind.

use std::collections::BTreeMap;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use chatzz::adopt::{AdoptError, Options, Outcome, Report};
use chatzz::store::Store;
use chatzz::store::adopt::{Adoption, Kind, Reason};

use crate::support::binary::{Binary, Ended};
use crate::support::canary;
use crate::support::database::{TestDatabase, user_document};
use crate::support::server::config;

/// Names of the collections that mongoose makes of its models.
pub(super) const NAMES: [&str; 3] = ["chatusers", "chatrooms", "chatmessages"];
/// When everything happens, if not said otherwise.
const BEGINNING: i64 = 1_500_000_000_000;

/// The database, and an account with `readWrite` and nothing else.
pub(super) struct Old {
    pub(super) database: TestDatabase,
    pub(super) keys: BTreeMap<String, String>,
    names: [String; 3],
    ids: u32,
    documents: [Vec<Document>; 3],
}

/// A person of the application, in chatzz 1.x.
#[derive(Clone, Copy)]
pub(super) struct Somebody {
    pub(super) user: ObjectId,
    pub(super) chat_user: ObjectId,
}

impl Somebody {
    /// The id as the protocol has it.
    pub(super) fn id(&self) -> serde_json::Value {
        self.user.to_hex().into()
    }
}

impl Old {
    pub(super) async fn empty() -> Self {
        Self::named(NAMES).await
    }

    /// With what 1.1.5 itself wrote.
    pub(super) async fn recorded() -> Self {
        let mut old = Self::empty().await;
        old.documents = chatzz_dev::old_database::documents().unwrap();
        old.store().await
    }

    /// With collections under these names.
    pub(super) async fn named(names: [&str; 3]) -> Self {
        Self::on(TestDatabase::shared().await, names).await
    }

    /// In this database.
    pub(super) async fn on(database: TestDatabase, names: [&str; 3]) -> Self {
        let keys = database.keys();
        let mut keys: BTreeMap<String, String> = keys
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let account = format!("of_{}", database.name());
        let uri = database.uri().replace("chatzz:", &format!("{account}:"));
        keys.insert("CHATZZ_MONGODB_URI".into(), uri);
        for (key, name) in [
            ("CHATZZ_CHAT_USER_COLLECTION", names[0]),
            ("CHATZZ_CHAT_ROOM_COLLECTION", names[1]),
            ("CHATZZ_MESSAGE_COLLECTION", names[2]),
        ] {
            keys.insert(key.into(), name.into());
        }
        let may = |db: String| doc! { "role": "readWrite", "db": db };
        let roles = [may(database.name().to_owned()), may(elsewhere(&database))];
        let create =
            doc! { "createUser": account, "pwd": canary::DATABASE, "roles": roles.to_vec() };
        let admin = database.raw().client().database("admin");
        admin.run_command(create).await.unwrap();
        Self {
            database,
            keys,
            names: names.map(str::to_owned),
            ids: 0,
            documents: Default::default(),
        }
    }

    /// An id that is greater than those before, and the same in every run.
    pub(super) fn next_id(&mut self) -> ObjectId {
        self.ids += 1;
        let mut bytes = [0x5a; 12];
        bytes[8..].copy_from_slice(&self.ids.to_be_bytes());
        ObjectId::from_bytes(bytes)
    }

    /// Somebody whom the application has, and who has logged in.
    pub(super) async fn somebody(&mut self, name: &str) -> Somebody {
        let user = self.next_id();
        let document = user_document(user, name);
        let users = self.database.collection("users");
        users.insert_one(document).await.unwrap();
        Somebody {
            user,
            chat_user: self.chat_user(user, doc! { "status": "online" }),
        }
    }

    /// A chat user, as mongoose stores it.
    pub(super) fn chat_user(&mut self, user: impl Into<Bson>, more: Document) -> ObjectId {
        let id = self.next_id();
        let mut chat_user = doc! { "_id": id, "user": user.into(), "__v": 0 };
        chat_user.extend(more);
        self.documents[0].push(chat_user);
        id
    }

    /// A chat room, as mongoose stores it.
    pub(super) fn room(&mut self, members: &[Somebody]) -> ObjectId {
        let id = self.next_id();
        let members: Vec<ObjectId> = members.iter().map(|one| one.chat_user).collect();
        self.documents[1].push(doc! {
            "_id": id, "chatUsers": members, "createdAt": self.now(), "__v": 0,
        });
        id
    }

    /// A message, as mongoose stores it.
    pub(super) fn say(
        &mut self,
        room: ObjectId,
        [from, to]: [Somebody; 2],
        text: &str,
        status: &str,
    ) -> ObjectId {
        self.say_with(room, [from, to], text, doc! { "status": status })
    }

    /// The same with other fields.
    pub(super) fn say_with(
        &mut self,
        room: impl Into<Bson>,
        [from, to]: [Somebody; 2],
        text: &str,
        more: Document,
    ) -> ObjectId {
        let id = self.next_id();
        let mut message = doc! {
            "_id": id, "status": "not_sent", "message": text, "chatRoom": room.into(),
            "from": from.chat_user, "to": to.chat_user, "createdAt": self.now(), "__v": 0,
        };
        message.extend(more);
        self.documents[2].push(message);
        id
    }

    fn now(&self) -> DateTime {
        DateTime::from_millis(BEGINNING + i64::from(self.ids) * 1_000)
    }

    /// Stores everything, with the one index that 1.1.5 has.
    pub(super) async fn store(mut self) -> Self {
        for (name, documents) in self.names.iter().zip(&mut self.documents) {
            let documents = std::mem::take(documents);
            if !documents.is_empty() {
                let collection = self.database.collection(name);
                collection.insert_many(documents).await.unwrap();
            }
        }
        self
    }

    /// mongoose gives a user one chat user, if it can.
    pub(super) async fn index(&self) {
        let index =
            doc! { "name": "user_1", "key": { "user": 1 }, "unique": true, "background": true };
        let create = doc! { "createIndexes": &self.names[0], "indexes": [index] };
        self.database.raw().run_command(create).await.unwrap();
    }

    /// Messages of many people, with every mess among them; the same in every run.
    pub(super) async fn big(people: u32, rooms: u32, messages: u32) -> Self {
        let mut old = Self::empty().await;
        let mut random = fastrand::Rng::with_seed(4);
        let mut users = Vec::new();
        let mut all = Vec::new();
        for number in 0..people {
            let user = old.next_id();
            users.push(user_document(user, &format!("user {number}")));
            let more = doc! { "status": if number % 2 == 0 { "online" } else { "offline" } };
            let chat_user = old.chat_user(user, more);
            all.push(Somebody { user, chat_user });
        }
        // the last is deleted
        users.pop();
        let collection = old.database.collection("users");
        collection.insert_many(users).await.unwrap();
        let gone = Somebody {
            user: ObjectId::from_bytes([1; 12]),
            chat_user: ObjectId::from_bytes([2; 12]),
        };
        let one = |random: &mut fastrand::Rng| all[random.usize(..all.len())];
        let mut there = Vec::new();
        for number in 0..rooms {
            let pair = match number {
                0 => [all[0], all[0]],
                1 => [all[0], gone],
                // several rooms of a pair
                2..=4 => [all[1], all[2]],
                5 => [all[2], all[1]],
                _ => [one(&mut random), one(&mut random)],
            };
            there.push((old.room(&pair), pair));
        }
        let statuses = ["not_sent", "sent", "read"];
        for number in 0..messages {
            let (room, [a, b]) = there[random.usize(..there.len())];
            let pair = if random.bool() { [a, b] } else { [b, a] };
            let status = statuses[random.usize(..3)];
            // some at the same moment, some stored later than younger ones
            let at = BEGINNING + i64::from(random.u32(..messages / 2)) * 1_000;
            let more = doc! { "status": status, "createdAt": DateTime::from_millis(at) };
            let text = match random.u32(..200) {
                0 => "x".repeat(70_000),
                _ => format!("text {number}"),
            };
            let (room, pair) = match random.u32(..100) {
                0 => (ObjectId::from_bytes([3; 12]), pair),
                1 => (room, [a, a]),
                2 => (room, [a, gone]),
                _ => (room, pair),
            };
            old.say_with(room, pair, &text, more);
        }
        let old = old.store().await;
        old.index().await;
        old
    }

    /// The name of the database for `--into`.
    pub(super) fn elsewhere(&self) -> String {
        elsewhere(&self.database)
    }

    /// Adopts it in this process.
    pub(super) async fn adopt(&self) -> Result<Report, AdoptError> {
        self.adopt_with(&quick()).await
    }

    pub(super) async fn adopt_with(&self, options: &Options) -> Result<Report, AdoptError> {
        chatzz::adopt::run(&self.adoption(None).await, options).await
    }

    pub(super) async fn undo(&self) -> Result<Report, AdoptError> {
        chatzz::adopt::undo(&self.adoption(None).await, &quick()).await
    }

    pub(super) async fn adoption(&self, into: Option<&str>) -> Adoption {
        let mut keys = self.keys.clone();
        if let Some(into) = into {
            keys.insert("CHATZZ_DATABASE".into(), into.into());
            let users = self.database.name().to_owned();
            keys.insert("CHATZZ_USER_DATABASE".into(), users);
        }
        let config = config(&keys);
        let store = Store::connect(&config).await.unwrap();
        Adoption::new(store, self.database.name(), &config).unwrap()
    }

    /// The keys of a server, or of a command, with that account.
    pub(super) fn keys(&self) -> Vec<(&str, &str)> {
        let keys = self.keys.iter();
        keys.map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }

    pub(super) async fn command(&self, args: &[&str]) -> Ended {
        Binary::run(args, &self.keys()).await
    }

    /// What an adoption makes: the three collections, and what is set aside.
    pub(super) async fn adopted(&self) -> Vec<Vec<Document>> {
        let mut adopted = Vec::new();
        for name in self
            .names
            .iter()
            .map(String::as_str)
            .chain(["chatzz_adopted_rest"])
        {
            adopted.push(self.database.dump(name).await);
        }
        adopted
    }

    /// `verify` finds nothing, but users that are gone.
    pub(super) async fn assert_clean(&self) {
        let store = self.adoption(None).await.store;
        let options = chatzz::verify::Options::default();
        let report = chatzz::verify::run(&store, &options).await.unwrap();
        assert!(report.is_clean(), "{report}");
    }
}

fn elsewhere(database: &TestDatabase) -> String {
    format!("{}_new", database.name())
}

/// Nobody writes: the looks need no pause.
pub(super) fn quick() -> Options {
    Options {
        watch: Duration::from_millis(1),
        ..Options::default()
    }
}

/// How many documents of a kind are set aside for a reason.
pub(super) fn aside(report: &Report, kind: Kind, reason: Reason) -> u64 {
    let found = report.set_aside.iter();
    let mut found = found.filter(|aside| (aside.kind, aside.reason) == (kind, reason));
    found.next().map_or(0, |aside| aside.count)
}

/// Adopted, with everything accounted for.
pub(super) fn assert_whole(report: &Report) {
    assert_eq!(report.outcome, Outcome::Adopted);
    for kind in Kind::ALL {
        let sum = report.kept.of(kind) + report.aside(kind);
        assert_eq!(sum, report.found.of(kind), "{kind:?}: {report}");
    }
}
