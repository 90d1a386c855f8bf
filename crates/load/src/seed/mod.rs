//! Users, chat rooms and messages, stored without a server.
//!
//! The documents are those of `chatzz::store`, so a change of theirs is a
//! change here; [`peer`] writes what the Node peer would. Storing them through
//! the server would take as long as the load itself.

mod chatzz_world;
mod old;
mod peer;
mod world;

use anyhow::Context as _;
use bson::oid::ObjectId;
use bson::{Document, doc};
use chatzz::domain::Message;
use clap::Args;
use mongodb::options::{Acknowledgment, CollectionOptions, WriteConcern};
use mongodb::{Client, Collection, Database, IndexModel};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::wire::user;
use world::World;

/// Where the database is.
#[derive(Args, Clone, Debug)]
pub(crate) struct Mongo {
    /// The connection string
    #[arg(long, default_value = "mongodb://127.0.0.1:27017")]
    uri: String,
    /// The name of the database
    #[arg(long, default_value = "chatzz")]
    database: String,
}

/// Users, chat rooms and messages for the other modes
///
/// P people, each with the same C contacts: the users 0 to P - 1 and P to
/// P + C - 1. Start the server first, so that its indexes are there, and seed a
/// database once.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    mongo: Mongo,
    /// Store users only, this many, without chat rooms
    #[arg(long, default_value_t = 0)]
    users: u32,
    #[command(flatten)]
    world: World,
    /// As the Node peer stores it
    #[arg(long)]
    peer: bool,
    /// As the npm package chatzz 1.1.5 stored it, for `chatzz adopt`; start no server first
    #[arg(long, conflicts_with = "peer")]
    from_1x: bool,
}

/// What was stored.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    users: u64,
    chat_rooms: u64,
    messages: u64,
}

/// Documents of one insert.
const BATCH: usize = 5_000;
/// Inserts in flight.
const IN_FLIGHT: usize = 3;

/// Stores it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Stored> {
    let Options {
        mongo,
        users,
        world,
        peer,
        from_1x,
    } = options;
    let database = mongo.open().await?;
    let users = users.max(world.people + world.contacts);
    let mut stored = Stored::default();
    let documents = (0..users).map(application_user);
    stored.users = insert(&database, "users", documents).await?;
    if from_1x {
        old::store(&database, &world, &mut stored).await?;
    } else if peer {
        peer::store(&database, &world, &mut stored).await?;
    } else {
        chatzz_world::store(&database, &world, &mut stored).await?;
    }
    Ok(stored)
}

impl Mongo {
    /// A database of this server.
    pub(crate) fn of(uri: &str, database: &str) -> Self {
        let (uri, database) = (uri.to_owned(), database.to_owned());
        Self { uri, database }
    }

    pub(crate) async fn open(&self) -> anyhow::Result<Database> {
        let client = Client::with_uri_str(&self.uri).await;
        let client = client.context("the connection string")?;
        let database = client.database(&self.database);
        database.run_command(doc! { "ping": 1 }).await?;
        Ok(database)
    }
}

/// Name of the collection of the modes without a server.
pub(crate) const RAW: &str = "raw";

/// The database, without the collection [`RAW`].
pub(crate) async fn raw_database(mongo: &Mongo) -> anyhow::Result<Database> {
    let database = mongo.open().await?;
    open::<Document>(&database, RAW).drop().await?;
    Ok(database)
}

/// Stores documents in the collection [`RAW`].
pub(crate) async fn insert_raw(
    database: &Database,
    documents: impl Iterator<Item = Document>,
) -> anyhow::Result<u64> {
    insert(database, RAW, documents).await
}

/// The empty collection that the mode `raw` writes to, durably.
pub(crate) async fn raw_collection(mongo: &Mongo) -> anyhow::Result<Collection<Message>> {
    let database = raw_database(mongo).await?;
    let collection = open::<Message>(&database, RAW);
    let unique = mongodb::options::IndexOptions::builder()
        .unique(true)
        .build();
    let index = IndexModel::builder()
        .keys(doc! { "chatRoom": 1, "seq": 1 })
        .options(unique)
        .build();
    collection.create_index(index).await?;
    Ok(collection)
}

/// A collection whose writes a majority has and journals. With `w: 1` seeding
/// outruns the commit point, and mongod's flow control then all but stops it.
#[expect(
    clippy::disallowed_methods,
    reason = "the load plays application and server"
)]
pub(crate) fn open<T: Send + Sync>(database: &Database, name: &str) -> Collection<T> {
    let concern = WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .build();
    let options = CollectionOptions::builder().write_concern(concern).build();
    database.collection_with_options(name, options)
}

/// Inserts everything, in batches; returns how many there were.
pub(crate) async fn insert<T>(
    database: &Database,
    name: &str,
    documents: impl Iterator<Item = T>,
) -> anyhow::Result<u64>
where
    T: Serialize + Send + Sync + 'static,
{
    let collection = open::<T>(database, name);
    let mut documents = documents.peekable();
    let mut running = JoinSet::new();
    let mut count = 0;
    while documents.peek().is_some() {
        let batch: Vec<T> = documents.by_ref().take(BATCH).collect();
        count += u64::try_from(batch.len())?;
        if running.len() >= IN_FLIGHT
            && let Some(ended) = running.join_next().await
        {
            inserted(name, ended?)?;
        }
        let collection = collection.clone();
        running.spawn(async move { collection.insert_many(batch).ordered(false).await.map(drop) });
    }
    while let Some(ended) = running.join_next().await {
        inserted(name, ended?)?;
    }
    Ok(count)
}

fn inserted(name: &str, result: mongodb::error::Result<()>) -> anyhow::Result<()> {
    result.with_context(|| format!("storing {name}: seed an empty database, and once"))
}

/// A user as an application would store one, secrets included.
pub(crate) fn application_user(n: u32) -> Document {
    doc! {
        "_id": user_id(n),
        "username": format!("user{n}"),
        "email": format!("user{n}@example.org"),
        "password": "$2b$10$hash",
        "avatar": format!("https://cdn.example.org/user{n}.png"),
    }
}

/// The id of the user number `n`.
pub(crate) fn user_id(n: u32) -> ObjectId {
    // the text is 24 hex digits by its making
    ObjectId::parse_str(user(n)).unwrap_or_default()
}
