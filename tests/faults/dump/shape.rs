//! The JSON of a dump, and the documents it is made of.

use std::collections::BTreeMap;

use bson::{Bson, DateTime};
use serde::{Deserialize, Serialize};

use super::id;

/// The chat collections of a database, and whether the application's users are as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dump {
    pub(crate) chat_users: Vec<DumpedUser>,
    pub(crate) chat_rooms: Vec<DumpedRoom>,
    pub(crate) messages: Vec<DumpedMessage>,
    pub(crate) users_hash_before: String,
    pub(crate) users_hash_after: String,
    /// Write commands to `users` that the database saw, if they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database_writes_to_users: Option<u64>,
}

/// A chat user; dates are epoch milliseconds throughout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DumpedUser {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) status: String,
    pub(crate) last_online: Option<i64>,
    pub(crate) nodes: Vec<String>,
}

/// A chat room; the cursors are by chat user id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DumpedRoom {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) chat_users: [String; 2],
    pub(crate) pair: String,
    pub(crate) last_seq: u64,
    pub(crate) cursors: BTreeMap<String, u64>,
}

/// A message; `from` and `to` are ids of chat users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DumpedMessage {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    pub(crate) chat_room: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) message: String,
    pub(crate) seq: u64,
    pub(crate) status: String,
    pub(crate) unread: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    pub(crate) created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_at: Option<i64>,
}

/// A document of the chat users, read without the code under test.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredUser {
    #[serde(rename = "_id")]
    id: Bson,
    user: Bson,
    status: String,
    last_online: Option<DateTime>,
    #[serde(default)]
    nodes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredRoom {
    #[serde(rename = "_id")]
    id: Bson,
    chat_users: [Bson; 2],
    pair: String,
    #[serde(default)]
    last_seq: u64,
    #[serde(default)]
    cursors: BTreeMap<String, StoredCursor>,
}

#[derive(Deserialize)]
struct StoredCursor {
    #[serde(default)]
    delivered: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredMessage {
    #[serde(rename = "_id")]
    id: Bson,
    chat_room: Bson,
    from: Bson,
    to: Bson,
    message: String,
    seq: u64,
    status: String,
    #[serde(default)]
    unread: bool,
    client_id: Option<String>,
    created_at: DateTime,
    sent_at: Option<DateTime>,
    read_at: Option<DateTime>,
}

impl From<StoredUser> for DumpedUser {
    fn from(user: StoredUser) -> Self {
        Self {
            id: id(&user.id),
            user: id(&user.user),
            status: user.status,
            last_online: user.last_online.map(DateTime::timestamp_millis),
            nodes: user.nodes,
        }
    }
}

impl From<StoredRoom> for DumpedRoom {
    fn from(room: StoredRoom) -> Self {
        let cursors = room.cursors.into_iter();
        Self {
            id: id(&room.id),
            chat_users: room.chat_users.map(|member| id(&member)),
            pair: room.pair,
            last_seq: room.last_seq,
            cursors: cursors
                .map(|(member, cursor)| (member, cursor.delivered))
                .collect(),
        }
    }
}

impl From<StoredMessage> for DumpedMessage {
    fn from(message: StoredMessage) -> Self {
        Self {
            id: id(&message.id),
            chat_room: id(&message.chat_room),
            from: id(&message.from),
            to: id(&message.to),
            message: message.message,
            seq: message.seq,
            status: message.status,
            unread: message.unread,
            client_id: message.client_id,
            created_at: message.created_at.timestamp_millis(),
            sent_at: message.sent_at.map(DateTime::timestamp_millis),
            read_at: message.read_at.map(DateTime::timestamp_millis),
        }
    }
}
