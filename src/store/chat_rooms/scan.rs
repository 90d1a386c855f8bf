//! Reading all chat rooms and mending their heads, for `chatzz verify`.

use bson::{Bson, DateTime, RawBsonRef, RawDocument, RawDocumentBuf, doc};

use super::{ChatRooms, moved, pair};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::error::Error;
use crate::store::scan::{self, Query, Scan};

/// A chat room, whatever shape it has.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannedRoom {
    /// Its `_id`; `None` unless it is an id.
    pub id: Option<ChatRoomId>,
    /// The two members; `None` unless they are two.
    pub members: Option<[ChatUserId; 2]>,
    /// Its key.
    pub pair: Bson,
    /// Its head.
    pub heads: Heads,
    /// How far each member got.
    pub cursors: Vec<(String, Seq)>,
}

/// What a chat room knows of its last message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Its number, 0 for none.
    pub seq: Seq,
    /// Its time.
    pub at: Option<DateTime>,
}

impl ScannedRoom {
    fn read(document: &RawDocument) -> Self {
        let field = |name| document.get(name).ok().flatten();
        let cursors = field("cursors").into_iter().flat_map(cursors);
        let cursors = cursors.map(|(member, seq)| (member.to_owned(), seq));
        Self {
            id: field("_id").and_then(ChatRoomId::from_raw),
            members: field("chatUsers").and_then(members),
            pair: field("pair").map_or(Bson::Null, scan::value),
            heads: Heads {
                seq: field("lastSeq").and_then(scan::integer).unwrap_or_default(),
                at: field("lastMessageAt").and_then(scan::date),
            },
            cursors: cursors.collect(),
        }
    }

    /// Whether the key is that of the members.
    pub fn fits(&self) -> bool {
        self.members
            .is_some_and(|[a, b]| self.pair.as_str() == Some(&pair(a, b)))
    }
}

/// How far each member got, by his id.
pub(super) fn cursors(value: RawBsonRef<'_>) -> impl Iterator<Item = (&str, Seq)> {
    let cursors = value.as_document().into_iter().flat_map(scan::fields);
    cursors.filter_map(|(member, cursor)| {
        let delivered = cursor.as_document()?.get("delivered").ok()??;
        Some((member, scan::integer(delivered)?))
    })
}

/// The two members; `None` unless they are two.
pub(super) fn members(value: RawBsonRef<'_>) -> Option<[ChatUserId; 2]> {
    let values = value.as_array()?.into_iter();
    let ids = values.map(|id| ChatUserId::from_raw(id.ok()?));
    let ids: Vec<ChatUserId> = ids.collect::<Option<_>>()?;
    let [a, b] = ids.try_into().ok()?;
    (a != b).then_some([a, b])
}

impl ChatRooms {
    /// Reads all chat rooms after one, by `_id`. Index: `_id_`.
    pub fn scan(&self, after: Option<ChatRoomId>) -> Scan<ScannedRoom> {
        let ids = scan::after(after);
        let query = Query {
            filter: doc! { "_id": ids },
            sort: doc! { "_id": 1 },
            ..Query::default()
        };
        Scan::start(&self.documents, query, ScannedRoom::read)
    }

    /// Reads all chat rooms by their key. Without an index (the declared one
    /// makes the reading needless) the database sorts on disk.
    pub fn scan_by_pair(&self) -> Scan<ScannedRoom> {
        let query = Query {
            filter: doc! { "pair": { "$exists": true } },
            projection: doc! { "pair": 1, "chatUsers": 1 },
            sort: doc! { "pair": 1, "_id": 1 },
        };
        Scan::start(&self.documents, query, ScannedRoom::read)
    }

    /// Finds a chat room, whatever shape it has. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_scanned(&self, id: ChatRoomId) -> Result<Option<ScannedRoom>, Error> {
        self.documents
            .run("chat_rooms.find_scanned", |collection| async move {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                let found = collection.find_one(doc! { "_id": id }).await?;
                Ok(found.map(|found| ScannedRoom::read(&found)))
            })
            .await
    }

    /// Replaces a head that is still as it was seen; tells whether it was.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer.
    pub async fn mend_head(&self, id: ChatRoomId, seen: Heads, head: Heads) -> Result<bool, Error> {
        let seq = if seen.seq == 0 {
            // 0, or not a number
            doc! { "lastSeq": { "$not": { "$gt": 0 } } }
        } else {
            doc! { "lastSeq": seen.seq }
        };
        let at = seen.at.map_or_else(
            || doc! { "lastMessageAt": { "$not": { "$type": "date" } } },
            |at| doc! { "lastMessageAt": at },
        );
        let filter = doc! { "_id": id, "$and": [seq, at] };
        let update = doc! { "$set": { "lastSeq": head.seq, "lastMessageAt": head.at } };
        let matched = self
            .documents
            .update_one("chat_rooms.mend_head", filter, update, false)
            .await?;
        Ok(matched == 1)
    }

    /// Moves a head forward, never backwards.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer.
    pub async fn move_head(&self, id: ChatRoomId, seq: Seq, at: DateTime) -> Result<(), Error> {
        let update = moved(Some((seq, at)), &std::collections::HashMap::new());
        self.documents
            .update_one("chat_rooms.move_head", doc! { "_id": id }, update, false)
            .await
            .map(drop)
    }

    /// Replaces a delivered cursor that is still as it was seen; tells whether
    /// it was.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer.
    pub async fn mend_cursor(
        &self,
        id: ChatRoomId,
        member: &str,
        seen: Seq,
        delivered: Seq,
    ) -> Result<bool, Error> {
        let field = format!("cursors.{member}.delivered");
        let filter = doc! { "_id": id, &field: seen };
        let update = doc! { "$set": { field: delivered } };
        let matched = self
            .documents
            .update_one("chat_rooms.mend_cursor", filter, update, false)
            .await?;
        Ok(matched == 1)
    }
}
