//! Messages: the authoritative record of what was sent, and in which order.

mod append;
mod changes;
mod imported;
mod missed;
mod recount;
mod scan;
mod withheld;

use std::collections::HashMap;

use bson::{Document, RawBsonRef, RawDocument, doc};
use mongodb::IndexModel;
use serde::Deserialize;

use super::bulk::BulkWriter;
use super::documents::{Documents, Listing, by_id};
use super::raw::{self, FromRaw, Text, Unreadable, by_serde};
use super::scan::integer;
use super::{MessageRef, error::Error, index};
use crate::domain::{Counts, IMPORTED, Message};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};

pub use append::{Appended, Refusal};
pub use changes::Redactable;
pub use missed::MissedPosition;
pub use scan::{Scanned, SendKey};

impl FromRaw for Message {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut id, mut chat_room, mut from, mut to) = (None, None, None, None);
        let (mut message, mut created_at, mut seq, mut numbers) = (None, None, None, None);
        let (mut client_id, mut sent_at, mut read_at) = (None, None, None);
        let (mut via, mut kind, mut data) = (None, None, None);
        let (mut rev, mut redacted) = (None, false);
        let mut asked = None;
        for field in document.iter_elements() {
            let field = field?;
            let name = field.key().as_str();
            if name == "message" {
                message = Text::of(&field);
                continue;
            }
            let value = field.value()?;
            match name {
                "_id" => id = MessageId::from_raw(value),
                "chatRoom" => chat_room = ChatRoomId::from_raw(value),
                "from" => from = ChatUserId::from_raw(value),
                "to" => to = ChatUserId::from_raw(value),
                "createdAt" => created_at = value.as_datetime(),
                "seq" => seq = integer(value),
                "counts" => numbers = counts(value),
                "clientId" => client_id = raw::text(value),
                "sentAt" => sent_at = value.as_datetime(),
                "readAt" => read_at = value.as_datetime(),
                "via" => via = raw::text(value),
                "kind" => kind = raw::text(value),
                "data" => data = raw::text(value),
                "rev" => rev = integer(value),
                "redacted" => redacted = value.as_bool().unwrap_or_default(),
                "asked" => asked = raw::text(value),
                _ => {}
            }
        }
        let id = id.ok_or(Unreadable::Field("_id"))?;
        let message = match message.ok_or(Unreadable::Field("message"))? {
            Text::Whole(text) => text,
            Text::Mended(text) => {
                raw::note_mended(id);
                text
            }
        };
        Ok(Self {
            id,
            chat_room: chat_room.ok_or(Unreadable::Field("chatRoom"))?,
            from: from.ok_or(Unreadable::Field("from"))?,
            to: to.ok_or(Unreadable::Field("to"))?,
            message,
            kind,
            data,
            created_at: created_at.ok_or(Unreadable::Field("createdAt"))?,
            seq: seq.ok_or(Unreadable::Field("seq"))?,
            counts: numbers.ok_or(Unreadable::Field("counts"))?,
            client_id,
            sent_at,
            read_at,
            via,
            rev,
            redacted,
            asked,
        })
    }
}

/// Two numbers; `None` for anything else.
pub(in crate::store) fn counts(value: RawBsonRef<'_>) -> Option<Counts> {
    let mut numbers = value.as_array()?.into_iter();
    let mut next = || integer(numbers.next()?.ok()?);
    let counts = Counts::new(next()?, next()?);
    numbers.next().is_none().then_some(counts)
}

/// The messages collection.
#[derive(Clone, Debug)]
pub struct Messages {
    documents: Documents<Message>,
    bulk: BulkWriter,
}

/// Name of the unique index on `(chatRoom, seq)`.
pub(in crate::store) const SEQ: &str = "chatRoom_seq";
/// Name of the unique index on `(chatRoom, from, clientId)`.
pub const CLIENT_ID: &str = "chatRoom_from_clientId";

/// Name of the unique index on `(chatRoom, rev)`.
const REV: &str = "chatRoom_rev";

/// Indexes of the collection, each with the query it serves. All begin with the shard
/// key, `chatRoom`: a unique index of a sharded collection has to.
pub(super) fn indexes() -> Vec<IndexModel> {
    vec![
        // list_page, list_at, list_last, list_missed; makes the numbering gapless
        index::unique(SEQ, doc! { "chatRoom": 1, "seq": 1 }),
        // find_by_client_id; makes a send happen only once
        index::unique_partial(
            CLIENT_ID,
            doc! { "chatRoom": 1, "from": 1, "clientId": 1 },
            doc! { "clientId": { "$exists": true } },
        ),
        // list_changed, find_last_rev; makes the changes of a chat room gapless
        index::unique_partial(
            REV,
            doc! { "chatRoom": 1, "rev": 1 },
            doc! { "rev": { "$exists": true } },
        ),
    ]
}

/// The messages of a chat room that a page contains.
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

/// The position of a message, by its id.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Made {
    /// The message.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// Its chat room.
    #[serde(rename = "chatRoom")]
    pub room: ChatRoomId,
    /// Its position there.
    pub seq: Seq,
}

by_serde!(Made);

impl Messages {
    pub(super) fn new(documents: Documents<Message>, bulk: BulkWriter) -> Self {
        Self { documents, bulk }
    }

    /// Finds a message. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(&self, id: MessageId) -> Result<Option<Message>, Error> {
        self.documents.find_one("messages.find", by_id(id)).await
    }

    /// Finds the message that a sender stored under a client id in a chat room. Index:
    /// `chatRoom_from_clientId`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_by_client_id(
        &self,
        room: ChatRoomId,
        from: ChatUserId,
        client_id: &str,
    ) -> Result<Option<Message>, Error> {
        let filter = doc! { "chatRoom": room, "from": from, "clientId": client_id };
        self.documents
            .find_one("messages.find_by_client_id", filter)
            .await
    }

    /// Lists the messages that a sender stored under these client ids in a chat room. Index:
    /// `chatRoom_from_clientId`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_by_client_ids(
        &self,
        room: ChatRoomId,
        from: ChatUserId,
        client_ids: &[String],
    ) -> Result<Vec<Message>, Error> {
        let filter = doc! { "chatRoom": room, "from": from, "clientId": { "$in": client_ids } };
        let limit = i64::try_from(client_ids.len()).unwrap_or(i64::MAX);
        self.documents
            .list("messages.list_by_client_ids", Listing::of(filter, limit))
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

    /// Lists the messages at these positions in chat rooms, in no particular order, those
    /// that exist. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_at(&self, places: &[(ChatRoomId, Seq)]) -> Result<Vec<Message>, Error> {
        if let [(room, seq)] = places {
            return Ok(self.find_at(*room, *seq).await?.into_iter().collect());
        }
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let mut rooms: HashMap<ChatRoomId, Vec<Seq>> = HashMap::new();
        for (room, seq) in places {
            rooms.entry(*room).or_default().push(*seq);
        }
        let rooms = rooms.into_iter();
        let places_of = |(room, seqs)| doc! { "chatRoom": room, "seq": { "$in": seqs } };
        let rooms: Vec<Document> = rooms.map(places_of).collect();
        let limit = i64::try_from(places.len()).unwrap_or(i64::MAX);
        let listing = Listing::of(doc! { "$or": rooms }, limit);
        self.documents.list("messages.list_at", listing).await
    }

    /// Finds the newest message to a person after one position and up to another. Index:
    /// `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_newest_to(
        &self,
        to: ChatUserId,
        room: ChatRoomId,
        after: Seq,
        last: Seq,
    ) -> Result<Option<Message>, Error> {
        let filter = doc! {
            "chatRoom": room,
            "seq": { "$gt": after, "$lte": last },
            "to": to,
        };
        let newest = doc! { "seq": -1 };
        self.documents
            .find_first("messages.find_newest_to", filter, newest)
            .await
    }

    /// Lists a page, in the order that the page asks for. Index: `chatRoom_seq`.
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

    /// Lists references to the messages between two positions of a chat room, both excluded,
    /// the first `limit` of them, without those that were imported: nobody hears of these.
    /// Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_refs(
        &self,
        room: ChatRoomId,
        after: Seq,
        before: Seq,
        limit: i64,
    ) -> Result<Vec<MessageRef>, Error> {
        let stages = vec![
            doc! { "$match": {
                "chatRoom": room,
                "seq": { "$gt": after, "$lt": before },
                "via": { "$ne": IMPORTED },
            } },
            doc! { "$sort": { "seq": 1 } },
            doc! { "$limit": limit },
            doc! { "$project": { "message": 0, "data": 0 } },
        ];
        self.documents.aggregate("messages.list_refs", stages).await
    }

    /// Lists the positions of the messages with these ids, those that exist. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_made(&self, ids: Vec<MessageId>) -> Result<Vec<Made>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let stages = vec![
            doc! { "$match": { "_id": { "$in": ids } } },
            doc! { "$project": { "chatRoom": 1, "seq": 1 } },
        ];
        let name = "messages.list_made";
        self.documents.aggregate(name, stages).await
    }

    /// Lists the positions of messages whose ids come after one, in that order. Index:
    /// `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_made_after(&self, id: MessageId, limit: i64) -> Result<Vec<Made>, Error> {
        let stages = vec![
            doc! { "$match": { "_id": { "$gt": id } } },
            doc! { "$sort": { "_id": 1 } },
            doc! { "$limit": limit },
            doc! { "$project": { "chatRoom": 1, "seq": 1 } },
        ];
        let name = "messages.list_made_after";
        self.documents.aggregate(name, stages).await
    }

    /// Lists the last message of each chat room that has one.
    ///
    /// Index: `chatRoom_seq`, as a distinct scan: one document per chat room is read. The
    /// descending form is the one that gets this plan on MongoDB 6.
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
