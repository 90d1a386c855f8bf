//! The database, its collections and its connections.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::names::{self, CollectionNames};
use super::parse::{self, Parsed, Refusal};
use super::reader::Reader;
use super::secret;

/// The database, its collections and its connections.
#[derive(Debug, Clone)]
pub struct MongoDbConfig {
    /// The connection string; its `Debug` is redacted.
    ///
    /// `CHATZZ_MONGODB_URI`, default `mongodb://127.0.0.1:27017`, connection string.
    /// Change it to the replica set of the application. Or in a file:
    /// `CHATZZ_MONGODB_URI_FILE`, default: none, path.
    pub uri: SecretString,
    /// The database of the messenger's own collections.
    ///
    /// `CHATZZ_DATABASE`, default `chatzz`, name. Change it to the application's
    /// database to keep everything in one.
    pub database: String,
    /// The database that holds the application's users.
    ///
    /// `CHATZZ_USER_DATABASE`, default: the value of `CHATZZ_DATABASE`, name. Change it
    /// when the users live elsewhere; they are only ever read.
    pub user_database: String,
    /// The collection of the application's users.
    ///
    /// `CHATZZ_USER_COLLECTION`, default `users`, name. Change it to what the
    /// application calls it.
    pub user_collection: String,
    /// The collection of who is online.
    ///
    /// `CHATZZ_CHAT_USER_COLLECTION`, default `chatusers`, name. Change it when the
    /// application already uses that name.
    pub chat_user_collection: String,
    /// The collection of chat rooms.
    ///
    /// `CHATZZ_CHAT_ROOM_COLLECTION`, default `chatrooms`, name. Change it when the
    /// application already uses that name.
    pub chat_room_collection: String,
    /// The collection of messages.
    ///
    /// `CHATZZ_MESSAGE_COLLECTION`, default `chatmessages`, name. Change it when the
    /// application already uses that name.
    pub message_collection: String,
    /// The collection of block lists and whitelists.
    ///
    /// `CHATZZ_PRIVACY_COLLECTION`, default `chatprivacy`, name. Change it when the
    /// application already uses that name.
    pub privacy_collection: String,
    /// What the names of the bookkeeping collections begin with.
    ///
    /// `CHATZZ_META_PREFIX`, default `chatzz_`, name. Change it when the application
    /// already uses `chatzz_nodes` or `chatzz_meta`.
    pub meta_prefix: String,
    /// The most connections to one database server.
    ///
    /// `CHATZZ_MONGODB_POOL`, default `64`, count. Lower it when the cluster limits
    /// connections.
    pub pool: u32,
    /// The connections that stay open when nothing happens.
    ///
    /// `CHATZZ_MONGODB_POOL_MIN`, default `8`, count. Raise it for sudden bursts after
    /// quiet times; at most `CHATZZ_MONGODB_POOL`.
    pub pool_min: u32,
    /// How long an operation waits for a server that can take it.
    ///
    /// `CHATZZ_MONGODB_SELECTION_TIMEOUT`, default `3s`, duration. Keep it below
    /// `CHATZZ_REQUEST_TIMEOUT`, so that clients hear `unavailable` in time.
    pub selection_timeout: Duration,
    /// How long opening one connection to the database may take.
    ///
    /// `CHATZZ_MONGODB_CONNECT_TIMEOUT`, default `2s`, duration. Raise it when it
    /// is far away.
    pub connect_timeout: Duration,
    /// How long `serve` waits at start for a database that does not answer.
    ///
    /// `CHATZZ_STARTUP_TIMEOUT`, default `30s`, duration. Raise it when both are started
    /// together and the database is slower.
    pub startup_timeout: Duration,
    /// Whether `serve` migrates the database before it listens.
    ///
    /// `CHATZZ_MIGRATE_ON_START`, default `true`, `true` or `false`. Change it to run
    /// `chatzz migrate` as a step of its own, under another role.
    pub migrate_on_start: bool,
}

impl MongoDbConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let second_range = Duration::from_millis(10)..=Duration::from_mins(5);
        let uri = Self::read_uri(keys);
        let database = keys.read("CHATZZ_DATABASE", names::database);
        let user_database = keys.read_set("CHATZZ_USER_DATABASE", names::database);
        let names = CollectionNames::read(keys);
        let pool = keys.read("CHATZZ_MONGODB_POOL", |text| parse::number(text, 1..=1_000));
        let pool_min = keys.read("CHATZZ_MONGODB_POOL_MIN", |text| {
            parse::number(text, 0..=1_000)
        });
        let selection_timeout = keys.read("CHATZZ_MONGODB_SELECTION_TIMEOUT", |text| {
            parse::duration(text, second_range.clone())
        });
        let connect_timeout = keys.read("CHATZZ_MONGODB_CONNECT_TIMEOUT", |text| {
            parse::duration(text, second_range)
        });
        let startup_timeout = keys.read("CHATZZ_STARTUP_TIMEOUT", |text| {
            parse::duration(text, Duration::ZERO..=Duration::from_hours(1))
        });
        let migrate_on_start = keys.read("CHATZZ_MIGRATE_ON_START", parse::flag);

        if let (Some(pool), Some(pool_min)) = (pool, pool_min)
            && pool_min > pool
        {
            keys.refuse(
                "CHATZZ_MONGODB_POOL_MIN and CHATZZ_MONGODB_POOL",
                format!("at least {pool_min} but at most {pool} connections; lower the first"),
            );
        }
        let user_database = user_database.ok().and_then(|set| set.or(database.clone()));
        let same_database = user_database.is_some() && user_database == database;
        names.refuse_clashes(keys, same_database);
        Some(Self {
            uri: uri?,
            database: database?,
            user_database: user_database?,
            user_collection: names.user?,
            chat_user_collection: names.chat_user?,
            chat_room_collection: names.chat_room?,
            message_collection: names.message?,
            privacy_collection: names.privacy?,
            meta_prefix: names.meta_prefix?,
            pool: pool?,
            pool_min: pool_min?,
            selection_timeout: selection_timeout?,
            connect_timeout: connect_timeout?,
            startup_timeout: startup_timeout?,
            migrate_on_start: migrate_on_start?,
        })
    }

    fn read_uri(keys: &mut Reader<'_>) -> Option<SecretString> {
        let (name, file) = ("CHATZZ_MONGODB_URI", "CHATZZ_MONGODB_URI_FILE");
        match secret::text_or_file(keys, name, file, true).ok()? {
            Some(text) => keys.note(name, uri(&text)),
            None => keys.read(name, uri),
        }
    }

    /// The collection of the nodes' leases.
    pub fn nodes_collection(&self) -> String {
        names::nodes_collection(&self.meta_prefix)
    }

    /// The collection of migrations and their lock.
    pub fn meta_collection(&self) -> String {
        names::meta_collection(&self.meta_prefix)
    }

    /// The connection string as it may be logged: without user, password, options.
    ///
    /// Options are left out as well, since some of them hold tokens or passphrases.
    pub fn redacted_uri(&self) -> String {
        let uri = self.uri.expose_secret();
        let Some((scheme, rest)) = uri.split_once("://") else {
            return "***".to_owned();
        };
        // The last `@`, so that a password with an unescaped `@`, `/` or `?` stays hidden.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((_, rest)) => ("***@", rest),
            None => ("", rest),
        };
        let (hosts, options) = match rest.split_once('?') {
            Some((hosts, _)) => (hosts, "?***"),
            None => (rest, ""),
        };
        format!("{scheme}://{login}{hosts}{options}")
    }
}

/// A connection string; the refusal does not repeat it.
fn uri(text: &str) -> Parsed<SecretString> {
    let hosts = text
        .strip_prefix("mongodb://")
        .or_else(|| text.strip_prefix("mongodb+srv://"));
    match hosts {
        Some(hosts) if !hosts.is_empty() => Ok(SecretString::from(text)),
        _ => Err(Refusal::new(
            "this is not a MongoDB connection string (its value is not shown); write \
             `mongodb://host:port` or `mongodb+srv://host`",
        )),
    }
}
