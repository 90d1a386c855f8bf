//! The documents that a dump is made of, read without the code under test.

use std::collections::{BTreeMap, HashMap};

use bson::{Bson, DateTime};
use serde::Deserialize;

use super::id;
use crate::history::{DumpedCursors, DumpedMessage, DumpedRoom, DumpedUser};

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
    rev: u64,
    #[serde(default)]
    cursors: BTreeMap<String, StoredCursor>,
    #[serde(default)]
    steps: BTreeMap<String, Vec<StoredStep>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct StoredCursor {
    #[serde(default)]
    delivered: u64,
    #[serde(default)]
    sent: StoredPosition,
    #[serde(default)]
    read: StoredPosition,
}

/// A cursor; how many messages were read by then and when, of the read one.
#[derive(Clone, Copy, Default, Deserialize)]
struct StoredPosition {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    after: u64,
    at: Option<DateTime>,
}

/// A receipt that is remembered: the cursor moved from the first to the second position.
type StoredStep = (u64, u64, DateTime);

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
    counts: [u64; 2],
    client_id: Option<String>,
    created_at: DateTime,
    sent_at: Option<DateTime>,
    rev: Option<u64>,
    #[serde(default)]
    redacted: bool,
}

impl StoredMessage {
    /// The message as its chat room's cursors show it: derived here anew, by the rules
    /// of the protocol, and not by the server's own code.
    pub(super) fn shown(self, rooms: &HashMap<String, &StoredRoom>) -> DumpedMessage {
        let (chat_room, to) = (id(&self.chat_room), id(&self.to));
        let room = rooms.get(&chat_room);
        let cursor = room.and_then(|room| room.cursors.get(&to));
        let cursor = cursor.copied().unwrap_or_default();
        let is_read = self.seq <= cursor.read.seq;
        let is_sent = self.sent_at.is_some() || self.seq <= cursor.sent.seq;
        let steps = room.and_then(|room| room.steps.get(&to));
        let covers = |after: u64, seq: u64| after < self.seq && self.seq <= seq;
        let step = steps.into_iter().flatten();
        let step = step.filter(|(after, seq, _)| covers(*after, *seq));
        let by_step = step.map(|(_, _, at)| *at).next();
        let by_cursor = cursor
            .read
            .at
            .filter(|_| covers(cursor.read.after, cursor.read.seq));
        DumpedMessage {
            id: id(&self.id),
            chat_room,
            from: id(&self.from),
            to,
            message: self.message,
            seq: self.seq,
            status: match (is_read, is_sent) {
                (true, _) => "read",
                (false, true) => "sent",
                (false, false) => "not_sent",
            }
            .to_owned(),
            counts: self.counts,
            client_id: self.client_id.filter(|id| !is_key(id)),
            created_at: self.created_at.timestamp_millis(),
            sent_at: self.sent_at.map(DateTime::timestamp_millis),
            read_at: by_cursor.or(by_step).map(DateTime::timestamp_millis),
            rev: self.rev,
            redacted: self.redacted,
        }
    }
}

/// Whether it is a key of the application, which nobody is shown.
fn is_key(client_id: &str) -> bool {
    client_id.starts_with('§')
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

impl StoredRoom {
    pub(super) fn id(&self) -> String {
        id(&self.id)
    }
}

impl From<StoredRoom> for DumpedRoom {
    fn from(room: StoredRoom) -> Self {
        let cursors = room.cursors.into_iter();
        Self {
            id: id(&room.id),
            chat_users: room.chat_users.iter().map(id).collect(),
            last_seq: Some(room.last_seq),
            rev: room.rev,
            cursors: cursors
                .map(|(member, cursor)| {
                    let cursors = DumpedCursors {
                        delivered: cursor.delivered,
                        sent: cursor.sent.seq,
                        read: cursor.read.seq,
                        read_count: cursor.read.count,
                    };
                    (member, cursors)
                })
                .collect(),
        }
    }
}
