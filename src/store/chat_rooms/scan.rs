//! Reading all chat rooms and repairing their heads and cursors, for `chatzz verify`.

use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};

use super::{ChatRooms, Receipts, moves, pair};
use crate::domain::{ByMember, Counts, Cursors, Head, Members, ReadCursor, ReadStep, SentCursor};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::error::Error;
use crate::store::messages;
use crate::store::scan::{self, Query, Scan};

/// A chat room, in whatever form it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannedRoom {
    /// Its `_id`; `None` unless it is an id.
    pub id: Option<ChatRoomId>,
    /// The two members; `None` unless they are two.
    pub members: Option<Members>,
    /// Its key.
    pub pair: Bson,
    /// Its stored head.
    pub head: ScannedHead,
    /// How far each member has got.
    pub cursors: Vec<(String, Cursors)>,
    /// Up to which `rev` it knows that messages were changed.
    pub rev: i64,
}

/// The stored head of a chat room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScannedHead {
    /// Its number, 0 for none.
    pub seq: Seq,
    /// Its time.
    pub at: Option<DateTime>,
    /// Its counts; `None` unless they are two numbers.
    pub counts: Option<Counts>,
}

impl ScannedRoom {
    fn from_document(document: &RawDocument) -> Self {
        let field = |name| document.get(name).ok().flatten();
        let cursors = field("cursors").into_iter().flat_map(cursors);
        let cursors = cursors.map(|(member, cursors)| (member.to_owned(), cursors));
        Self {
            id: field("_id").and_then(ChatRoomId::from_raw),
            members: field("chatUsers").and_then(members),
            pair: field("pair").map_or(Bson::Null, scan::value),
            head: ScannedHead {
                seq: field("lastSeq").and_then(scan::integer).unwrap_or_default(),
                at: field("lastMessageAt").and_then(scan::date),
                counts: field("lastCounts").and_then(messages::counts),
            },
            cursors: cursors.collect(),
            rev: field("rev").and_then(scan::integer).unwrap_or_default(),
        }
    }

    /// The position up to which a member has read.
    pub fn read(&self, member: ChatUserId) -> ReadCursor {
        let hex = member.to_hex();
        let mut cursors = self.cursors.iter();
        let cursors = cursors.find(|(one, _)| **one == *hex);
        cursors.map_or_else(ReadCursor::default, |(_, cursors)| cursors.read)
    }

    /// Whether the key is that of the members.
    pub fn fits(&self) -> bool {
        self.members
            .is_some_and(|members| self.pair.as_str() == Some(&pair(members)))
    }
}

/// How far each member has got, by the member's id.
pub(super) fn cursors(value: RawBsonRef<'_>) -> impl Iterator<Item = (&str, Cursors)> {
    let cursors = value.as_document().into_iter().flat_map(scan::fields);
    cursors.filter_map(|(member, cursor)| Some((member, one(cursor.as_document()?))))
}

fn one(document: &RawDocument) -> Cursors {
    let mut cursors = Cursors::default();
    for (name, value) in scan::fields(document) {
        match (name, value.as_document()) {
            ("delivered", _) => cursors.delivered = scan::integer(value).unwrap_or_default(),
            ("sent", Some(sent)) => cursors.sent = self::sent(sent),
            ("read", Some(read)) => cursors.read = self::read(read),
            _ => {}
        }
    }
    cursors
}

fn sent(document: &RawDocument) -> SentCursor {
    let mut cursor = SentCursor::default();
    for (name, value) in scan::fields(document) {
        match name {
            "seq" => cursor.seq = scan::integer(value).unwrap_or_default(),
            "at" => cursor.at = scan::date(value),
            _ => {}
        }
    }
    cursor
}

fn read(document: &RawDocument) -> ReadCursor {
    let mut cursor = ReadCursor::default();
    for (name, value) in scan::fields(document) {
        match name {
            "seq" => cursor.seq = scan::integer(value).unwrap_or_default(),
            "count" => cursor.count = scan::integer(value).unwrap_or_default(),
            "after" => cursor.after = scan::integer(value).unwrap_or_default(),
            "at" => cursor.at = scan::date(value),
            _ => {}
        }
    }
    cursor
}

/// The cursors and newest receipts of both members.
pub(super) fn receipts(members: Members, document: &RawDocument) -> ByMember<Receipts> {
    let field = |name| document.get(name).ok().flatten();
    let mut receipts: ByMember<Receipts> = ByMember::default();
    let position = |member: &str| members.position(ChatUserId::parse(member)?);
    for (member, cursors) in field("cursors").into_iter().flat_map(cursors) {
        if let Some(position) = position(member) {
            receipts.of_mut(position).cursors = cursors;
        }
    }
    let steps = field("steps").and_then(RawBsonRef::as_document);
    for (member, steps) in steps.into_iter().flat_map(scan::fields) {
        let steps = steps.as_array().into_iter().flatten();
        let steps = steps.filter_map(|step| self::step(step.ok()?));
        if let Some(position) = position(member) {
            receipts.of_mut(position).steps = steps.collect();
        }
    }
    receipts
}

fn step(value: RawBsonRef<'_>) -> Option<ReadStep> {
    let mut parts = value.as_array()?.into_iter();
    let mut next = || parts.next()?.ok();
    Some(ReadStep {
        after: scan::integer(next()?)?,
        seq: scan::integer(next()?)?,
        at: scan::date(next()?)?,
    })
}

/// The two members; `None` unless they are two.
pub(super) fn members(value: RawBsonRef<'_>) -> Option<Members> {
    let values = value.as_array()?.into_iter();
    let ids = values.map(|id| ChatUserId::from_raw(id.ok()?));
    let ids: Vec<ChatUserId> = ids.collect::<Option<_>>()?;
    let [a, b] = ids.try_into().ok()?;
    Members::new(a, b)
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
        self.scan_as(query, ScannedRoom::from_document)
    }

    /// Reads chat rooms in any form.
    pub(in crate::store) fn scan_as<T>(
        &self,
        query: Query,
        read: fn(&RawDocument) -> T,
    ) -> Scan<T> {
        Scan::start(&self.documents, query, read)
    }

    /// Reads all chat rooms by their key. Without an index (with the declared one this is
    /// not needed) the database sorts on disk.
    pub fn scan_by_pair(&self) -> Scan<ScannedRoom> {
        let query = Query {
            filter: doc! { "pair": { "$exists": true } },
            projection: doc! { "pair": 1, "chatUsers": 1 },
            sort: doc! { "pair": 1, "_id": 1 },
        };
        Scan::start(&self.documents, query, ScannedRoom::from_document)
    }

    /// Finds a chat room, in whatever form it is stored. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_scanned(&self, id: ChatRoomId) -> Result<Option<ScannedRoom>, Error> {
        self.documents
            .run("chat_rooms.find_scanned", |collection| async move {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                let found = collection.find_one(doc! { "_id": id }).await?;
                Ok(found.map(|found| ScannedRoom::from_document(&found)))
            })
            .await
    }

    /// Replaces a head that is unchanged since it was seen; returns whether it was.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn mend_head(
        &self,
        id: ChatRoomId,
        seen: ScannedHead,
        head: ScannedHead,
    ) -> Result<bool, Error> {
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
        let counts = moves::numbers(head.counts.unwrap_or_default());
        let update = doc! { "$set": {
            "lastSeq": head.seq, "lastMessageAt": head.at, "lastCounts": counts,
        } };
        self.mend("chat_rooms.mend_head", filter, update).await
    }

    /// Moves a head forward, never back.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn move_head(&self, id: ChatRoomId, head: Head) -> Result<(), Error> {
        let update = doc! { "$max": {
            "lastSeq": head.seq,
            "lastMessageAt": head.at,
            "lastCounts": moves::numbers(head.counts),
        } };
        let moved = self.mend("chat_rooms.move_head", doc! { "_id": id }, update);
        moved.await.map(drop)
    }

    /// Replaces a delivered cursor that is unchanged since it was seen; returns whether it was.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn mend_delivered(
        &self,
        id: ChatRoomId,
        member: &str,
        seen: Seq,
        delivered: Seq,
    ) -> Result<bool, Error> {
        let field = format!("cursors.{member}.delivered");
        let filter = doc! { "_id": id, &field: seen };
        let update = doc! { "$set": { field: delivered } };
        self.mend("chat_rooms.mend_delivered", filter, update).await
    }

    /// The same for the sent cursor of a member.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn mend_sent(
        &self,
        id: ChatRoomId,
        member: &str,
        seen: Seq,
        sent: Seq,
    ) -> Result<bool, Error> {
        let field = format!("cursors.{member}.sent.seq");
        let filter = doc! { "_id": id, &field: seen };
        let update = doc! { "$set": { field: sent } };
        self.mend("chat_rooms.mend_sent", filter, update).await
    }

    /// The same for the read cursor of a member, and its count.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn mend_read(
        &self,
        id: ChatRoomId,
        member: &str,
        seen: ReadCursor,
        (seq, count): (Seq, i64),
    ) -> Result<bool, Error> {
        let field = |name: &str| format!("cursors.{member}.read.{name}");
        let is_seen = |value: i64| match value {
            0 => doc! { "$in": [Bson::Null, Bson::Int64(0)] },
            other => doc! { "$eq": other },
        };
        let filter = doc! {
            "_id": id,
            field("seq"): is_seen(seen.seq),
            field("count"): is_seen(seen.count),
        };
        // nobody knows when the added messages were read
        let update = doc! {
            "$set": { field("seq"): seq, field("count"): count, field("after"): seq },
            "$unset": { field("at"): "" },
        };
        self.mend("chat_rooms.mend_read", filter, update).await
    }

    async fn mend(
        &self,
        name: &'static str,
        filter: Document,
        update: Document,
    ) -> Result<bool, Error> {
        let matched = self.documents.update_one(name, filter, update, false);
        Ok(matched.await? == 1)
    }
}
