//! Messages.

use bson::DateTime;
use serde::Serialize;

use super::{Counts, Head};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};

/// What keys of the application begin with. The client ids of sockets are ASCII, so no
/// socket can send one of these.
pub const SERVER_KEY_MARK: char = '§';

/// A message, stored once and never changed: its status is not part of it, but follows
/// from its receiver's cursors ([`Message::delivery`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The message's id, made before it is stored.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// The chat room it belongs to.
    pub chat_room: ChatRoomId,
    /// Its position in the chat room.
    pub seq: Seq,
    /// Who sent it.
    pub from: ChatUserId,
    /// Who receives it; [`ChatUserId::NOBODY`] when it is withheld.
    pub to: ChatUserId,
    /// The text.
    pub message: String,
    /// When it was stored; never decreases with `seq` within a chat room.
    pub created_at: DateTime,
    /// How many messages each member has sent, up to and including this one.
    pub counts: Counts,
    /// The sender's own key for this send; behind [`SERVER_KEY_MARK`] it is the
    /// application's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name of the API key through which the application sent it as its sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// The keyed digest of the message that was sent, where a hook replaced its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// When it was stored, if a device of the receiver was connected to be sent it.
    /// Documents from before protocol 3 have the time when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime>,
    /// When it was read, only in documents from before protocol 3; never written.
    #[serde(skip)]
    pub read_at: Option<DateTime>,
}

impl Message {
    /// The head that the next message follows.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            at: self.created_at,
            counts: self.counts,
        }
    }

    /// The client id as clients are shown it; the application's keys are its own.
    pub fn shown_client_id(&self) -> Option<&str> {
        let client_id = self.client_id.as_deref();
        client_id.filter(|id| !id.starts_with(SERVER_KEY_MARK))
    }

    /// The key under which the application sent it.
    pub fn server_key(&self) -> Option<&str> {
        self.client_id.as_deref()?.strip_prefix(SERVER_KEY_MARK)
    }

    /// Whether it is withheld from its receiver, who had blocked the sender.
    pub fn is_withheld(&self) -> bool {
        self.to == ChatUserId::NOBODY
    }
}
