//! The documents that a dump is made of, read without the code under test.

use std::collections::BTreeMap;

use bson::{Bson, DateTime};
use serde::Deserialize;

use super::id;
use crate::history::{DumpedMessage, DumpedRoom, DumpedUser};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredUser {
    #[serde(rename = "_id")]
    id: Bson,
    user: Bson,
    status: String,
    last_online: Option<DateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredRoom {
    #[serde(rename = "_id")]
    id: Bson,
    chat_users: [Bson; 2],
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
            status: Some(user.status),
            last_online: user.last_online.map(DateTime::timestamp_millis),
        }
    }
}

impl From<StoredRoom> for DumpedRoom {
    fn from(room: StoredRoom) -> Self {
        let cursors = room.cursors.into_iter();
        Self {
            id: id(&room.id),
            chat_users: room.chat_users.iter().map(id).collect(),
            last_seq: Some(room.last_seq),
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
