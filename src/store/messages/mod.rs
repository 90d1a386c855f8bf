//! Messages: the one truth about what was said, in which order, and read when.

mod append;
mod missed;
mod recount;
mod scan;
mod status;
mod withheld;

use bson::{DateTime, RawDocument, doc};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use super::documents::{Documents, Listing, by_id};
use super::raw::{self, FromRaw, Unreadable};
use super::scan::integer;
use super::{error::Error, index};
use crate::bugs::{self, Bug};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};

pub use append::{Appended, Refusal};
pub use missed::Place;
pub use scan::{Scanned, SendKey};
pub use status::{Change, Ends, Step};

/// How far a message got; it only ever goes forward.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored; no socket of the receiver was there.
    NotSent,
    /// Handed to at least one socket of the receiver.
    Sent,
    /// Read by the receiver.
    Read,
}

/// One document of the collection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The message's id, made before it is stored.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// The chat room it belongs to.
    pub chat_room: ChatRoomId,
    /// Who sent it.
    pub from: ChatUserId,
    /// Who receives it; [`ChatUserId::NOBODY`] when it is withheld.
    pub to: ChatUserId,
    /// The text.
    pub message: String,
    /// When it was stored; never decreases with `seq` within a chat room.
    pub created_at: DateTime,
    /// How far it got.
    pub status: Status,
    /// Its position in the chat room.
    pub seq: Seq,
    /// `true` until read, then absent: partial indexes know no "absent".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// The sender's own key of this send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When it was handed to a socket of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime>,
    /// When the receiver read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime>,
}

impl FromRaw for Message {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut id, mut chat_room, mut from, mut to) = (None, None, None, None);
        let (mut message, mut created_at, mut status, mut seq) = (None, None, None, None);
        let (mut unread, mut client_id, mut sent_at, mut read_at) = (None, None, None, None);
        for field in document {
            let (name, value) = field?;
            match name.as_str() {
                "_id" => id = MessageId::from_raw(value),
                "chatRoom" => chat_room = ChatRoomId::from_raw(value),
                "from" => from = ChatUserId::from_raw(value),
                "to" => to = ChatUserId::from_raw(value),
                "message" => message = raw::text(value),
                "createdAt" => created_at = value.as_datetime(),
                "status" => status = raw::named(value),
                "seq" => seq = integer(value),
                "unread" => unread = value.as_bool(),
                "clientId" => client_id = raw::text(value),
                "sentAt" => sent_at = value.as_datetime(),
                "readAt" => read_at = value.as_datetime(),
                _ => {}
            }
        }
        Ok(Self {
            id: id.ok_or(Unreadable::Field("_id"))?,
            chat_room: chat_room.ok_or(Unreadable::Field("chatRoom"))?,
            from: from.ok_or(Unreadable::Field("from"))?,
            to: to.ok_or(Unreadable::Field("to"))?,
            message: message.ok_or(Unreadable::Field("message"))?,
            created_at: created_at.ok_or(Unreadable::Field("createdAt"))?,
            status: status.ok_or(Unreadable::Field("status"))?,
            seq: seq.ok_or(Unreadable::Field("seq"))?,
            unread,
            client_id,
            sent_at,
            read_at,
        })
    }
}

/// The messages collection.
#[derive(Clone, Debug)]
pub struct Messages {
    documents: Documents<Message>,
}

/// Name of the unique index on `(chatRoom, seq)`.
const SEQ: &str = "chatRoom_seq";
/// Name of the unique index on `(from, clientId)`.
pub const CLIENT_ID: &str = "from_clientId";
/// Name of the index of unread messages.
pub const UNREAD: &str = "to_unread_chatRoom_seq";

/// Indexes of the collection, each with the query it serves.
pub(super) fn indexes() -> Vec<IndexModel> {
    let once = if bugs::active(Bug::NoClientIdIndex) {
        index::partial
    } else {
        index::unique_partial
    };
    vec![
        // list_page, list_last, list_missed, apply(sent); makes the numbering gapless
        index::unique(SEQ, doc! { "chatRoom": 1, "seq": 1 }),
        // find_by_client_id; makes a send happen once for ever
        once(
            CLIENT_ID,
            doc! { "from": 1, "clientId": 1 },
            doc! { "clientId": { "$exists": true } },
        ),
        // count_unread, apply(read), list_withheld; `unread` is a key so that the count reads no document
        index::partial(
            UNREAD,
            doc! { "to": 1, "unread": 1, "chatRoom": 1, "seq": 1 },
            doc! { "unread": true },
        ),
    ]
}

/// Which messages of a chat room a page holds.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Only messages after this one; 0 for no bound.
    pub after: Seq,
    /// Only messages before this one; `Seq::MAX` for no bound.
    pub before: Seq,
    /// Whether the page starts at its oldest end.
    pub ascending: bool,
    /// Most messages wanted.
    pub limit: i64,
    /// Only messages that this person may see; `None` for all.
    pub viewer: Option<ChatUserId>,
}

impl Messages {
    pub(super) fn new(documents: Documents<Message>) -> Self {
        Self { documents }
    }

    /// Finds a message. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(&self, id: MessageId) -> Result<Option<Message>, Error> {
        self.documents.find_one("messages.find", by_id(id)).await
    }

    /// Lists messages by their ids. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list(&self, ids: &[MessageId]) -> Result<Vec<Message>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let listing = Listing::of(doc! { "_id": { "$in": ids } }, limit);
        self.documents.list("messages.list", listing).await
    }

    /// Finds the message a sender stored under a client id. Index: `from_clientId`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_by_client_id(
        &self,
        from: ChatUserId,
        client_id: &str,
    ) -> Result<Option<Message>, Error> {
        let filter = doc! { "from": from, "clientId": client_id };
        self.documents
            .find_one("messages.find_by_client_id", filter)
            .await
    }

    /// Finds the message at a position. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_at(&self, room: ChatRoomId, seq: Seq) -> Result<Option<Message>, Error> {
        let filter = doc! { "chatRoom": room, "seq": seq };
        self.documents.find_one("messages.find_at", filter).await
    }

    /// Lists a page, in the order the page asks for. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_page(&self, room: ChatRoomId, page: Page) -> Result<Vec<Message>, Error> {
        let mut filter = page.viewer.map(withheld::seen_by).unwrap_or_default();
        filter.insert("chatRoom", room);
        filter.insert("seq", doc! { "$gt": page.after, "$lt": page.before });
        let listing = Listing::of(filter, page.limit)
            .sorted(doc! { "seq": if page.ascending { 1 } else { -1 } });
        self.documents.list("messages.list_page", listing).await
    }

    /// Lists the last message of each chat room that has one.
    ///
    /// Index: `chatRoom_seq`, as a distinct scan: one document per chat room is
    /// read. The descending form is the one that gets this plan on MongoDB 6.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_last(&self, rooms: &[ChatRoomId]) -> Result<Vec<Message>, Error> {
        if let [room] = rooms {
            let newest = Page {
                after: 0,
                before: Seq::MAX,
                ascending: false,
                limit: 1,
                viewer: None,
            };
            return self.list_page(*room, newest).await;
        }
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let pipeline = vec![
            doc! { "$match": { "chatRoom": { "$in": rooms } } },
            doc! { "$sort": { "chatRoom": -1, "seq": -1 } },
            doc! { "$group": { "_id": "$chatRoom", "last": { "$first": "$$ROOT" } } },
            doc! { "$replaceRoot": { "newRoot": "$last" } },
        ];
        self.documents
            .aggregate("messages.list_last", pipeline)
            .await
    }
}
