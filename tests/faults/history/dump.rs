//! The database after the run, read with majority concern.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

/// Everything chatzz stored. Ids are 24 hex digits, dates milliseconds since 1970.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dump {
    pub(crate) chat_users: Vec<DumpedUser>,
    pub(crate) chat_rooms: Vec<DumpedRoom>,
    pub(crate) messages: Vec<DumpedMessage>,
}

/// A chat user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DumpedUser {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    /// The user's id in the application.
    pub(crate) user: String,
    /// `online` or `offline`; absent before the first login.
    pub(crate) status: Option<String>,
    pub(crate) last_online: Option<i64>,
}

/// A chat room.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DumpedRoom {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    /// Ids of the two chat users.
    pub(crate) chat_users: Vec<String>,
    /// At most the `seq` of the last message: it is written behind.
    pub(crate) last_seq: Option<u64>,
    /// The number of its last change, perhaps too high.
    #[serde(default)]
    pub(crate) rev: u64,
    /// How far each chat user got.
    #[serde(default)]
    pub(crate) cursors: BTreeMap<String, DumpedCursors>,
}

/// How far a chat user got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DumpedCursors {
    /// Up to where everything is confirmed.
    #[serde(default)]
    pub(crate) delivered: u64,
    /// The position up to which a device was sent messages later than at birth.
    #[serde(default)]
    pub(crate) sent: u64,
    /// Up to where everything is read.
    #[serde(default)]
    pub(crate) read: u64,
    /// How many messages of the other that are, as it is stored.
    #[serde(default)]
    pub(crate) read_count: u64,
}

/// As `to` of a message: it is withheld from its receiver.
pub(crate) const NOBODY: &str = "000000000000000000000000";

/// A message, with what its chat room's cursors say of it; `from` and `to` are ids of
/// chat users, or `to` is [`NOBODY`].
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// How many each of the two sent up to this one, as it is stored.
    #[serde(default)]
    pub(crate) counts: [u64; 2],
    pub(crate) client_id: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) sent_at: Option<i64>,
    pub(crate) read_at: Option<i64>,
    /// The number of the change that made it so.
    #[serde(default)]
    pub(crate) rev: Option<u64>,
    /// Whether what it said was removed.
    #[serde(default)]
    pub(crate) redacted: bool,
}

impl Dump {
    /// Reads a dump.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(text: impl Read) -> serde_json::Result<Self> {
        serde_json::from_reader(text)
    }

    /// Writes the dump.
    ///
    /// # Errors
    /// When the writer refuses.
    pub(crate) fn write(&self, to: impl std::io::Write) -> serde_json::Result<()> {
        serde_json::to_writer(to, self)
    }
}
