//! Messages.

use bson::DateTime;
use serde::Serialize;

use super::{Counts, Head};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};

/// What keys of the application begin with. The client ids of sockets are ASCII, so no
/// socket can send one of these.
pub const SERVER_KEY_MARK: char = '§';

/// What imported messages have in place of the name of an API key, which has only letters,
/// digits and hyphens.
pub const IMPORTED: &str = "§import";

/// A message. It keeps its place for ever, and what it says until it is redacted. Its status is
/// not part of it, but follows from its receiver's cursors ([`Message::delivery`]).
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
    /// What `data` is, in the application's own words: one of its kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What the front end makes of it beside the text: JSON, to the byte as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// When it was stored; never decreases with `seq` within a chat room.
    pub created_at: DateTime,
    /// How many messages each member has sent, up to and including this one.
    pub counts: Counts,
    /// The sender's own key for this send; behind [`SERVER_KEY_MARK`] it is the
    /// application's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name of the API key through which the application sent it as its sender, or
    /// [`IMPORTED`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// The keyed digest of the message that was sent, where a hook replaced its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// When it was stored, if a device of the receiver was connected to be sent it.
    /// Documents from before protocol 3 have the time when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime>,
    /// The change of its chat room that made it what it is, 1, 2, 3 …; none as long as it
    /// is as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<i64>,
    /// Whether what it said was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// When it was read, only in documents from before protocol 3; never written.
    #[serde(skip)]
    pub read_at: Option<DateTime>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The text.
    pub text: String,
    /// See [`Message::kind`].
    pub kind: Option<String>,
    /// See [`Message::data`].
    pub data: Option<String>,
}

impl Content {
    /// A text, and nothing else.
    pub fn of_text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: None,
            data: None,
        }
    }
}

impl Message {
    /// Whether it says just this, or said something that is not there any more.
    pub fn says(&self, content: &Content) -> bool {
        let Content { text, kind, data } = content;
        self.redacted || (self.message == *text && self.kind == *kind && self.data == *data)
    }

    /// Bytes of what it says.
    pub fn content_bytes(&self) -> usize {
        let custom = [&self.kind, &self.data];
        let custom = custom.into_iter().flatten().map(String::len);
        self.message.len() + custom.sum::<usize>()
    }

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

    /// Whether the application imported it: it was sent somewhere else before.
    pub fn is_imported(&self) -> bool {
        self.via.as_deref() == Some(IMPORTED)
    }

    /// Whether the application sent it in its sender's name.
    pub fn is_of_server(&self) -> bool {
        self.via.is_some() && !self.is_imported()
    }

    /// Whether it is withheld from its receiver, who had blocked the sender.
    pub fn is_withheld(&self) -> bool {
        self.to == ChatUserId::NOBODY
    }
}
