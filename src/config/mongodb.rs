//! The database, its collections and its connections.

use std::time::Duration;

use super::Mode;
use super::mongo_uri::MongoUri;
use super::names;
use super::parse::{self, within};
use super::reader::Read;

section! {
    /// The database, its collections and its connections.
    pub struct MongoDbConfig in "MongoDB" {
        /// The connection string of your MongoDB: the replica set of the application.
        /// Options that chatzz does not use, such as those of other drivers, are named in the log
        /// and left out. Writes are always confirmed by a majority, whatever `w` says.
        uri: MongoUri =
            secret("CHATZZ_MONGODB_URI" or_file "/run/secrets/chatzz-mongodb-uri",
                "connection string", default("mongodb://127.0.0.1:27017"), MongoUri::parse),
        /// The database of the messenger's own collections.
        /// Write the application's database to keep everything in one.
        database: String = key("CHATZZ_DATABASE", "name", default("chatzz"), names::database),
        /// The database of the application's users, which are only ever read.
        user_database: String =
            key("CHATZZ_USER_DATABASE", "name",
                follows("the value of `CHATZZ_DATABASE`", database, "app"), names::database),
        /// The collection of the application's users.
        user_collection: String =
            key("CHATZZ_USER_COLLECTION", "name", default("users"), names::collection),
        /// The collection of chat users, with their presence.
        /// Change it, like the names below, when the application already uses the name.
        chat_user_collection: String =
            key("CHATZZ_CHAT_USER_COLLECTION", "name", default("chatusers"), names::collection),
        /// The collection of chat rooms.
        chat_room_collection: String =
            key("CHATZZ_CHAT_ROOM_COLLECTION", "name", default("chatrooms"), names::collection),
        /// The collection of messages.
        message_collection: String =
            key("CHATZZ_MESSAGE_COLLECTION", "name", default("chatmessages"), names::collection),
        /// The collection of block lists and whitelists.
        privacy_collection: String =
            key("CHATZZ_PRIVACY_COLLECTION", "name", default("chatprivacy"), names::collection),
        /// The prefix of the bookkeeping collections: `<prefix>nodes`, `<prefix>events` and
        /// `<prefix>meta`.
        meta_prefix: String =
            key("CHATZZ_META_PREFIX", "name", default("chatzz_"), names::meta_prefix),
        /// The most connections to one MongoDB server.
        /// Lower it when the cluster limits connections.
        pool: u32 = key("CHATZZ_MONGODB_POOL", "count", default("64"), within("1", "1000")),
        /// The connections that stay open when nothing happens; at most `CHATZZ_MONGODB_POOL`.
        /// Raise it for sudden bursts after quiet times.
        pool_min: u32 = key("CHATZZ_MONGODB_POOL_MIN", "count", default("8"), within("0", "1000")),
        /// How long an operation waits for a server that can execute it.
        /// Must be below `CHATZZ_REQUEST_TIMEOUT`, so that clients get `unavailable` in time;
        /// the default is lowered if necessary.
        selection_timeout: Duration =
            key("CHATZZ_MONGODB_SELECTION_TIMEOUT", "duration", default("3s"),
                within("10ms", "5m")),
        /// How long opening one connection to MongoDB may take.
        /// Raise it when the database is far away.
        connect_timeout: Duration =
            key("CHATZZ_MONGODB_CONNECT_TIMEOUT", "duration", default("2s"), within("10ms", "5m")),
        /// How long `serve` waits at the start for a database that does not answer.
        /// Raise it when both are started together and the database is slower.
        startup_timeout: Duration =
            key("CHATZZ_STARTUP_TIMEOUT", "duration", default("30s"), within("0s", "1h")),
        /// How long the log of events is kept, which servers learn from what others did, and your
        /// back end by `GET /v1/events`. A back end that was away for longer has missed events, and
        /// a server that stood still for longer ends its sockets, which log in anew. A week is
        /// `168h`; a message takes 72 bytes of it, a receipt about 150.
        events_keep: Duration =
            key("CHATZZ_EVENTS_KEEP", "duration", default("1h"), within("10m", "2160h")),
        /// Whether `serve` migrates the database before it listens.
        /// With `false`, run `chatzz migrate` before `serve`, for example under another role.
        migrate_on_start: bool =
            key("CHATZZ_MIGRATE_ON_START", "`true` or `false`", default("true"), parse::flag),
    }
    check(keys) {
        if let Some(warning) = uri.as_ref().ok().and_then(MongoUri::warning) {
            keys.warn(warning);
        }
        keys.refuse_above(
            ("CHATZZ_MONGODB_POOL_MIN", &pool_min),
            ("CHATZZ_MONGODB_POOL", &pool),
        );
        // `migrate` and `verify` answer no requests.
        if keys.mode() != Mode::Migrate {
            keys.refuse_late("CHATZZ_MONGODB_SELECTION_TIMEOUT");
        }
        let prefix = |name: fn(&str) -> String| meta_prefix.as_deref().ok().map(name);
        // The users' collection can only clash when it is in the same database.
        let users = user_collection.as_deref().ok().filter(|_| {
            matches!((&user_database, &database), (Ok(users), Ok(own)) if users == own)
        });
        let name = |read: &Read<String>| read.clone().ok();
        names::refuse_clashes(keys, &[
            ("CHATZZ_USER_COLLECTION", users.map(str::to_owned)),
            ("CHATZZ_CHAT_USER_COLLECTION", name(&chat_user_collection)),
            ("CHATZZ_CHAT_ROOM_COLLECTION", name(&chat_room_collection)),
            ("CHATZZ_MESSAGE_COLLECTION", name(&message_collection)),
            ("CHATZZ_PRIVACY_COLLECTION", name(&privacy_collection)),
            ("CHATZZ_META_PREFIX", prefix(names::nodes_collection)),
            ("CHATZZ_META_PREFIX", prefix(names::events_collection)),
            ("CHATZZ_META_PREFIX", prefix(names::meta_collection)),
        ]);
    }
}

impl MongoDbConfig {
    /// The key of the connection string.
    pub(super) const URI: &str = "CHATZZ_MONGODB_URI";

    /// The collection of the nodes' leases.
    pub fn nodes_collection(&self) -> String {
        names::nodes_collection(&self.meta_prefix)
    }

    /// The collection of the log of events.
    pub fn events_collection(&self) -> String {
        names::events_collection(&self.meta_prefix)
    }

    /// The collection of migrations and their lock.
    pub fn meta_collection(&self) -> String {
        names::meta_collection(&self.meta_prefix)
    }
}
