//! The table of all keys.

use super::key::{Key, join, key, text, told};
use super::keys_auth::AUTH;
use super::keys_edge::BOUNDS;
use super::keys_privacy::PRIVACY;

/// Every key of the configuration, in the order of `.env.example`.
pub const KEYS: &[Key] = &join::<{ SERVER.len() + REST.len() }>(SERVER, REST);

const REST: &[Key] = &join::<{ MODES.len() + BOUNDS.len() }>(MODES, BOUNDS);

const MODES: &[Key] = &join::<{ PRIVACY.len() + AUTH.len() }>(PRIVACY, AUTH);

const SERVER: &[Key] = &[
    key(
        "CHATZZ_LISTEN",
        text("127.0.0.1:3000"),
        "address:port",
        "Where clients connect. 0.0.0.0:3000 is reached from other machines or out of a container.",
    ),
    key(
        "CHATZZ_METRICS_LISTEN",
        text("127.0.0.1:9464"),
        "address:port or `off`",
        "Where metrics are read. Never make it public.",
    ),
    key(
        "CHATZZ_ALLOWED_ORIGINS",
        told("only pages of the same host", "https://app.example.org"),
        "list of origins or `*`",
        "The web pages that may connect. Set it when the front end is served from another host.",
    ),
    key(
        "CHATZZ_MAX_CONNECTIONS",
        text("20000"),
        "count",
        "The most connections at one time. Each takes about 30 KiB and an open file.",
    ),
    key(
        "CHATZZ_HEADER_TIMEOUT",
        text("10s"),
        "duration",
        "How long a client may take to send the head of a request.",
    ),
    key(
        "CHATZZ_SOCKET_PATH",
        text("/socket.io"),
        "path",
        "The path of the socket.io endpoint. Change it together with the `path` option of the clients.",
    ),
    key(
        "CHATZZ_NAMESPACE",
        text("/"),
        "path",
        "The socket.io namespace that clients join.",
    ),
    key(
        "CHATZZ_PING_INTERVAL",
        text("25s"),
        "duration",
        "How often a quiet client is pinged. Lower it when a proxy closes idle connections earlier.",
    ),
    key(
        "CHATZZ_PING_TIMEOUT",
        text("20s"),
        "duration",
        "How long a pong may take before the socket counts as dead.",
    ),
    key(
        "CHATZZ_CONNECT_TIMEOUT",
        text("10s"),
        "duration",
        "How long a fresh connection may take to join the namespace.",
    ),
    key(
        "CHATZZ_STATUS_EVENT",
        text("chat-user-status-changed"),
        "choice",
        "The type of the presence envelope: `chat-user-status-changed` or `user-status-changed`.",
    ),
    key(
        "CHATZZ_QUEUE_PER_SOCKET",
        text("4096"),
        "count",
        "The most events of one socket that wait; further ones are answered `overloaded`.",
    ),
    key(
        "CHATZZ_OUTBOX_BYTES",
        text("256KiB"),
        "size",
        "The most bytes of what others do that wait for a slow client; beyond it the connection is closed.",
    ),
    key(
        "CHATZZ_STALL_TIMEOUT",
        text("7s"),
        "duration",
        "How long a client may read nothing before its connection is closed.",
    ),
    key(
        "CHATZZ_MONGODB_URI",
        text("mongodb://127.0.0.1:27017"),
        "connection string",
        "Secret. The MongoDB to use: the replica set of the application.",
    ),
    key(
        "CHATZZ_MONGODB_URI_FILE",
        told("none", "/run/secrets/chatzz-mongodb-uri"),
        "path",
        "A file that holds the connection string, instead of CHATZZ_MONGODB_URI.",
    ),
    key(
        "CHATZZ_DATABASE",
        text("chatzz"),
        "name",
        "The database of the messenger's own collections.",
    ),
    key(
        "CHATZZ_USER_DATABASE",
        told("the value of `CHATZZ_DATABASE`", "app"),
        "name",
        "The database of the application's users, which are only ever read.",
    ),
    key(
        "CHATZZ_USER_COLLECTION",
        text("users"),
        "name",
        "The collection of the application's users.",
    ),
    key(
        "CHATZZ_CHAT_USER_COLLECTION",
        text("chatusers"),
        "name",
        "The collection of who is online.",
    ),
    key(
        "CHATZZ_CHAT_ROOM_COLLECTION",
        text("chatrooms"),
        "name",
        "The collection of chat rooms.",
    ),
    key(
        "CHATZZ_MESSAGE_COLLECTION",
        text("chatmessages"),
        "name",
        "The collection of messages.",
    ),
    key(
        "CHATZZ_META_PREFIX",
        text("chatzz_"),
        "name",
        "What the bookkeeping collections begin with: <prefix>nodes and <prefix>meta.",
    ),
    key(
        "CHATZZ_MONGODB_POOL",
        text("64"),
        "count",
        "The most connections to one MongoDB server.",
    ),
    key(
        "CHATZZ_MONGODB_POOL_MIN",
        text("8"),
        "count",
        "The connections that stay open when nothing happens.",
    ),
    key(
        "CHATZZ_MONGODB_SELECTION_TIMEOUT",
        text("3s"),
        "duration",
        "How long an operation waits for a server. Keep it below CHATZZ_REQUEST_TIMEOUT.",
    ),
    key(
        "CHATZZ_MONGODB_CONNECT_TIMEOUT",
        text("2s"),
        "duration",
        "How long opening one connection to MongoDB may take.",
    ),
    key(
        "CHATZZ_STARTUP_TIMEOUT",
        text("30s"),
        "duration",
        "How long `serve` waits for MongoDB before it gives up at start.",
    ),
    key(
        "CHATZZ_MIGRATE_ON_START",
        text("true"),
        "`true` or `false`",
        "Whether `serve` migrates the database first. With `false`, run `chatzz migrate` before it.",
    ),
    key(
        "CHATZZ_USER_ID_TYPE",
        text("auto"),
        "choice",
        "The type of the users' _id: `auto`, `objectid`, `string`, `int` or `uuid`.",
    ),
    key(
        "CHATZZ_USER_FIELDS",
        text("_id,username,name,firstName,lastName,displayName,avatar,picture"),
        "list of paths",
        "The fields of a user that others may see; nothing else leaves. Dotted paths are allowed.",
    ),
    key(
        "CHATZZ_USER_CACHE",
        text("30s"),
        "duration",
        "How long a user that was read is believed. 0 reads every time.",
    ),
    key(
        "CHATZZ_AUTH",
        told("none for `serve`, `trusted` for `dev`", "trusted"),
        "choice",
        "Required for `serve`: `jwt`, `webhook`, or `trusted`, which believes every client: only behind a gate.",
    ),
    key(
        "CHATZZ_MESSAGE_MAX_CHARS",
        text("4000"),
        "characters",
        "The longest text of a message. 64 KiB of UTF-8 is the limit besides.",
    ),
    key(
        "CHATZZ_HISTORY_DEFAULT",
        text("100"),
        "messages",
        "The messages of a history page when the client does not say.",
    ),
    key(
        "CHATZZ_HISTORY_MAX",
        text("500"),
        "messages",
        "The most messages of a history page.",
    ),
    key(
        "CHATZZ_MISSED_PER_CONTACT",
        text("200"),
        "messages",
        "The most missed messages of one contact at a login; the rest is fetched as history.",
    ),
    key(
        "CHATZZ_MISSED_TOTAL",
        text("1000"),
        "messages",
        "The most missed messages of all contacts at a login.",
    ),
    key(
        "CHATZZ_OFFLINE_GRACE",
        text("1s"),
        "duration",
        "How long a lost connection may come back before contacts hear of it. 0 tells at once.",
    ),
    key(
        "CHATZZ_NODE_ID",
        told("host and port", "chat-1"),
        "text",
        "The name of this process among the nodes. Set it when several share host name and port.",
    ),
    key(
        "CHATZZ_LEASE",
        text("15s"),
        "duration",
        "How long a node that is silent still counts as alive. At least 3s.",
    ),
    key(
        "CHATZZ_LANES",
        told("the number of cores, from 2 to 16", "4"),
        "count",
        "The lanes that number and store messages. Raise it when the database is far away.",
    ),
    key(
        "CHATZZ_LANE_QUEUE",
        text("8192"),
        "messages",
        "The most messages that wait in one lane; further ones are answered `overloaded`.",
    ),
    key(
        "CHATZZ_REQUEST_TIMEOUT",
        text("4500ms"),
        "duration",
        "The deadline of an event's answer. Keep it below the ack timeout of the clients.",
    ),
    key(
        "CHATZZ_DRAIN_TIMEOUT",
        text("5s"),
        "duration",
        "How long a shutdown waits for work that has begun.",
    ),
    key(
        "CHATZZ_LOG",
        text("info"),
        "filter",
        "What is logged: a level, or levels by target such as info,chatzz::store=debug.",
    ),
    key(
        "CHATZZ_LOG_FORMAT",
        text("text"),
        "choice",
        "How a log line looks: `text` or `json`.",
    ),
];
