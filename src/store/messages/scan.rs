//! Reading all messages, and recounting them, for `chatzz verify`.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocument, doc};

use super::{Error, Messages, counts};
use crate::domain::Counts;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::scan::{self, Query, Scan};

/// A message without its text, in whatever form it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// Its `_id`.
    pub id: Bson,
    /// Its chat room.
    pub room: Option<ChatRoomId>,
    /// Its position; `None` unless it is an integer.
    pub seq: Option<Seq>,
    /// Who sent it.
    pub from: Option<ChatUserId>,
    /// Who receives it.
    pub to: Option<ChatUserId>,
    /// When it was stored.
    pub created_at: Option<DateTime>,
    /// How many each member had sent by then; `None` unless they are two numbers.
    pub counts: Option<Counts>,
    /// The stored value, whatever it is.
    pub stored_counts: Bson,
    /// Whether it has a `readAt`, as documents from before protocol 3 may.
    pub read: bool,
    /// The change that made it what it is.
    pub rev: Option<i64>,
}

/// A sender's key for a send.
#[derive(Clone, Debug, PartialEq)]
pub struct SendKey {
    /// The message's `_id`.
    pub id: Bson,
    /// The chat room.
    pub room: Bson,
    /// Who sent it.
    pub from: Bson,
    /// The key.
    pub client_id: Bson,
}

impl Scanned {
    fn read(document: &RawDocument) -> Self {
        let mut message = Self {
            id: Bson::Null,
            room: None,
            seq: None,
            from: None,
            to: None,
            created_at: None,
            counts: None,
            stored_counts: Bson::Null,
            read: false,
            rev: None,
        };
        for (name, value) in scan::fields(document) {
            match name {
                "_id" => message.id = scan::value(value),
                "chatRoom" => message.room = ChatRoomId::from_raw(value),
                "seq" => message.seq = scan::integer(value),
                "from" => message.from = ChatUserId::from_raw(value),
                "to" => message.to = ChatUserId::from_raw(value),
                "createdAt" => message.created_at = scan::date(value),
                "counts" => {
                    message.counts = counts(value);
                    message.stored_counts = scan::value(value);
                }
                "rev" => message.rev = scan::integer(value),
                "readAt" => message.read = scan::date(value).is_some(),
                _ => {}
            }
        }
        message
    }
}

impl SendKey {
    fn read(document: &RawDocument) -> Self {
        let field = |name| document.get(name).ok().flatten().map(scan::value);
        Self {
            id: field("_id").unwrap_or(Bson::Null),
            room: field("chatRoom").unwrap_or(Bson::Null),
            from: field("from").unwrap_or(Bson::Null),
            client_id: field("clientId").unwrap_or(Bson::Null),
        }
    }
}

impl Messages {
    /// Reads the messages of all chat rooms after one, by chat room and `seq`.
    /// Index: `chatRoom_seq`; without it the database sorts on disk.
    pub fn scan(&self, after: Option<ChatRoomId>) -> Scan<Scanned> {
        let rooms = scan::after(after);
        self.scan_where(doc! { "chatRoom": rooms })
    }

    /// Reads the messages that name no chat room at all. Index: `chatRoom_seq`.
    pub fn scan_roomless(&self) -> Scan<Scanned> {
        // comparisons in `$expr` are across all types, as the index is: ids are adjacent
        let ids = [[0; 12], [0xFF; 12]].map(ObjectId::from_bytes);
        let [first, last] = ids;
        self.scan_where(doc! { "$or": [
            { "$expr": { "$lt": ["$chatRoom", first] } },
            { "$expr": { "$gt": ["$chatRoom", last] } },
        ] })
    }

    fn scan_where(&self, filter: Document) -> Scan<Scanned> {
        let query = Query {
            filter,
            projection: doc! { "message": 0, "data": 0, "clientId": 0 },
            sort: doc! { "chatRoom": 1, "seq": 1 },
        };
        Scan::start(&self.documents, query, Scanned::read)
    }

    /// Reads messages in any form.
    pub(in crate::store) fn scan_as<T>(
        &self,
        query: Query,
        read: fn(&RawDocument) -> T,
    ) -> Scan<T> {
        Scan::start(&self.documents, query, read)
    }

    /// Reads every sender's keys in order. Without an index (with the declared one this
    /// is not needed) the database sorts on disk.
    pub fn scan_send_keys(&self) -> Scan<SendKey> {
        let query = Query {
            filter: doc! { "clientId": { "$exists": true } },
            projection: doc! { "chatRoom": 1, "from": 1, "clientId": 1 },
            sort: doc! { "chatRoom": 1, "from": 1, "clientId": 1 },
        };
        Scan::start(&self.documents, query, SendKey::read)
    }

    /// Finds a message, in whatever form it is stored. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_scanned(&self, id: &Bson) -> Result<Option<Scanned>, Error> {
        self.first(doc! { "_id": id }, Document::new()).await
    }

    /// Finds the message with the highest number. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_last_numbered(&self, room: ChatRoomId) -> Result<Option<Scanned>, Error> {
        let filter = doc! { "chatRoom": room, "seq": { "$type": ["int", "long"] } };
        self.first(filter, doc! { "seq": -1 }).await
    }

    /// Finds the message at a position. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_scanned_at(
        &self,
        room: ChatRoomId,
        seq: Seq,
    ) -> Result<Option<Scanned>, Error> {
        let filter = doc! { "chatRoom": room, "seq": seq };
        self.first(filter, Document::new()).await
    }

    async fn first(&self, filter: Document, sort: Document) -> Result<Option<Scanned>, Error> {
        self.documents
            .run("messages.find_scanned", |collection| async move {
                let collection = collection.clone_with_type::<bson::RawDocumentBuf>();
                let find = collection.find_one(filter).sort(sort);
                let find = find.projection(doc! { "message": 0, "data": 0, "clientId": 0 });
                Ok(find.await?.map(|found| Scanned::read(&found)))
            })
            .await
    }
}
