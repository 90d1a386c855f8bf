//! MongoDB: one file per collection = document, indexes, queries.
//!
//! Writes are acknowledged by a majority and journaled, and reads see what a majority
//! has. This is set explicitly on every collection, so that nothing in the connection
//! string weakens it. Data that is written behind ([`BulkWrites`]) is on a majority as
//! well, but nobody waits for it. The exception is the application's users, which are
//! read as the application wrote them.

pub mod adopt;
mod application_ids;
mod bulk;
mod bus_key;
pub mod chat_rooms;
pub mod chat_users;
mod connect;
mod contact_rule;
mod documents;
mod elections;
mod error;
mod events;
mod gather;
mod index;
pub mod messages;
pub mod migrate;
mod nodes;
mod privacy;
mod push;
mod raw;
mod reach;
mod run;
mod scan;
mod schema;
mod users;
mod write_behind;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use mongodb::options::{
    Acknowledgment, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database};

use application_ids::ApplicationIds;
use bulk::BulkWriter;
pub use chat_rooms::{ChatRoom, ChatRooms};
pub use chat_users::{ChatUser, ChatUsers, PresenceStatus};
pub use connect::ConnectError;
pub use contact_rule::ContactRule;
use documents::Documents;
use elections::Elections;
pub use error::Error;
pub use events::{
    Entry, Event, EventQueue, Events, Item, Listener, MessageRef, Occurrence, Pending, Place,
    Subject, What,
};
pub use messages::Messages;
pub use nodes::{NO_BUS, Node, Nodes};
pub use privacy::{Blocked, Listed, Privacies, Privacy};
pub use push::{Held, Letter, Pushed, Pushes};
pub use raw::{FromRaw, Unreadable};
use run::Runner;
pub use scan::{Scan, shown};
pub use schema::{Drift, IndexState, SchemaError};
pub use users::{MAX_FIELD_BYTES, Rendered, User, Users};
pub use write_behind::{BulkWrites, PresenceChange, RoomProgress, WriteBehindQueue};

use crate::config::Config;

/// The database, collection by collection.
#[derive(Clone, Debug)]
pub struct Store {
    /// The application's users, read only.
    pub users: Users,
    /// The users of the messenger.
    pub chat_users: ChatUsers,
    /// The conversations.
    pub chat_rooms: ChatRooms,
    /// The messages.
    pub messages: Messages,
    /// Block lists and whitelists.
    pub privacies: Privacies,
    /// Who may write to whom, by the application's data; `None` for everybody.
    pub contact_rule: Option<ContactRule>,
    /// The running servers.
    pub nodes: Nodes,
    /// What all servers did, in one order.
    pub events: Events,
    /// The updates that are written behind.
    pub bulk_writes: BulkWrites,
    client: Client,
    database: Database,
    meta: Documents<Document>,
    bulk: BulkWriter,
    names: Names,
    runner: Runner,
}

/// The names of the collections that chatzz writes.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) chat_users: String,
    pub(crate) chat_rooms: String,
    pub(crate) messages: String,
    pub(crate) privacies: String,
    pub(crate) nodes: String,
    pub(crate) events: String,
    pub(crate) meta: String,
}

/// The longest a maintenance operation may take: building an index on millions
/// of documents, 10 minutes.
const MAINTENANCE_LIMIT: Duration = Duration::from_mins(10);
/// How long the connections may take to close. In driver 3.9 that can last for ever: it waits
/// for a monitor that waits for the topology's answer, while that one has ended.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

impl Store {
    /// Connects, waiting at most `CHATZZ_STARTUP_TIMEOUT`, and checks that chatzz
    /// supports the server. Writes nothing.
    ///
    /// # Errors
    /// With a sentence for the operator when there is no such server.
    pub async fn connect(config: &Config) -> Result<Self, ConnectError> {
        let elections = Arc::new(Elections::default());
        let client = connect::client(&config.mongodb, &elections).await?;
        Ok(Self::open(client, config, elections))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the store is where collections are opened"
    )]
    fn open(client: Client, config: &Config, elections: Arc<Elections>) -> Self {
        let mongo = &config.mongodb;
        let database = client.database(&mongo.database);
        elections.write_to(database.clone(), mongo.meta_collection());
        let runner = Runner::new(config.timeouts.request, elections);
        let names = Names {
            chat_users: mongo.chat_user_collection.clone(),
            chat_rooms: mongo.chat_room_collection.clone(),
            messages: mongo.message_collection.clone(),
            privacies: mongo.privacy_collection.clone(),
            nodes: mongo.nodes_collection(),
            events: mongo.events_collection(),
            meta: mongo.meta_collection(),
        };
        let users = client
            .database(&mongo.user_database)
            .collection_with_options(&mongo.user_collection, as_written());
        let ids = ApplicationIds::new(config.users.uuid_order);
        let contact_rule = config.privacy.contact_rule.as_ref().map(|rule| {
            let database = rule.database.as_ref().unwrap_or(&mongo.user_database);
            let collection = client
                .database(database)
                .collection_with_options(&rule.collection, as_written());
            ContactRule::new(Documents::new(collection, runner.clone()), rule, ids)
        });
        let open = Open {
            database: &database,
            runner: runner.clone(),
        };
        let bulk = BulkWriter::new(database.clone(), runner.clone());
        Self {
            users: Users::new(
                Documents::new(users, runner.clone()),
                &config.users.fields,
                ids,
            ),
            chat_users: ChatUsers::new(open.documents(&names.chat_users)),
            chat_rooms: ChatRooms::new(open.documents(&names.chat_rooms), bulk.clone()),
            messages: Messages::new(open.documents(&names.messages), bulk.clone()),
            privacies: Privacies::new(open.documents(&names.privacies)),
            contact_rule,
            nodes: Nodes::new(open.documents(&names.nodes), config.presence.lease),
            events: Events::new(open.documents(&names.events)),
            meta: open.documents(&names.meta),
            bulk_writes: BulkWrites::new(
                bulk.clone(),
                names.chat_rooms.clone(),
                names.chat_users.clone(),
            ),
            client,
            database,
            bulk,
            names,
            runner,
        }
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// When it cannot answer within `limit`.
    pub async fn ping(&self, limit: Duration) -> Result<(), Error> {
        let database = self.database.clone();
        self.runner
            .run_within(limit, "ping", async move {
                database.run_command(doc! { "ping": 1 }).await
            })
            .await
            .map(drop)
    }

    /// The name of the database of the messenger's own collections.
    pub fn database_name(&self) -> &str {
        self.database.name()
    }

    /// Closes the connections, within 5 s. Nothing may be queried afterwards.
    pub async fn close(self) {
        self.runner.close();
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.client.shutdown()).await;
    }
}

/// Opens chatzz's own collections.
struct Open<'a> {
    database: &'a Database,
    runner: Runner,
}

impl Open<'_> {
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    fn documents<T: Send + Sync + 'static>(&self, name: &str) -> Documents<T> {
        let collection = self.database.collection_with_options(name, durable());
        Documents::new(collection, self.runner.clone())
    }
}

/// Majority and journal for writes, majority for reads, from the primary.
fn durable() -> CollectionOptions {
    CollectionOptions::builder()
        .write_concern(
            WriteConcern::builder()
                .w(Acknowledgment::Majority)
                .journal(true)
                .build(),
        )
        .read_concern(ReadConcern::majority())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .build()
}

/// From the primary, including what the application has just written.
fn as_written() -> CollectionOptions {
    CollectionOptions::builder()
        .read_concern(ReadConcern::local())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .build()
}

/// How long a document in an index may stay invisible to majority reads.
const VISIBLE_WITHIN: Duration = Duration::from_secs(2);
/// Pause between two attempts.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Repeats the read of a document that is known to exist until a majority read shows it.
///
/// A unique index refuses a duplicate as soon as the first insert is applied on
/// the primary, a moment before a majority has it.
///
/// # Errors
/// Those of `read`, or [`Error::TimedOut`] when it stays invisible for 2 s.
pub(crate) async fn once_visible<T, F>(read: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<Option<T>, Error>>,
{
    let deadline = tokio::time::Instant::now() + VISIBLE_WITHIN;
    loop {
        if let Some(found) = read().await? {
            return Ok(found);
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(Error::TimedOut(VISIBLE_WITHIN));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
