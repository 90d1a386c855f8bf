//! Chat rooms: one document per pair of chat users.

mod imported;
mod moves;
mod notified;
mod person;
mod scan;
mod unread;

use std::time::Duration;

use bson::{DateTime, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::IndexModel;
use serde::Deserialize;

use super::bulk::BulkWriter;
use super::documents::{Documents, Listing, by_id};
use super::raw::{FromRaw, Unreadable, by_serde};
use super::scan::integer;
use super::{error::Error, index};
use crate::domain::{ByMember, Cursors, Members, Position, ReadStep};
use crate::id::{ChatRoomId, ChatUserId, Seq};

pub use imported::{Got, ImportedUpTo};
pub use moves::{CursorMove, Moved};
pub(super) use moves::{numbers, progress, steps};
pub use notified::NotifiedRoom;
pub use scan::{ScannedHead, ScannedRoom};

/// Most chat rooms listed for one person, the most recently used first.
pub const MAX_LISTED: i64 = 10_000;

/// A chat room. Its document also contains its key, and its head: the last message as far
/// as it has been written behind, which orders lists and is repaired by `verify`.
#[derive(Clone, Debug)]
pub struct ChatRoom {
    /// The chat room's id.
    pub id: ChatRoomId,
    /// The two members.
    pub members: Members,
    /// When the chat room was created.
    pub created_at: DateTime,
    /// Who created it.
    pub added_by: ChatUserId,
    /// How far each of the members has got.
    pub cursors: ByMember<Cursors>,
    /// Up to which `rev` messages may have been changed.
    pub rev: i64,
}

/// A member's receipts, for a page of history.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    /// How far the member has got.
    pub cursors: Cursors,
    /// The newest receipts, oldest first.
    pub steps: Vec<ReadStep>,
}

impl Receipts {
    /// Whether no receipt is missing between the oldest one here and the cursor: receipts
    /// are written a moment after the cursor has moved.
    pub fn has_no_gap(&self) -> bool {
        let read = self.cursors.read;
        let follows = |pair: &[ReadStep]| matches!(pair, [one, next] if one.seq == next.after);
        match self.steps.last() {
            None => read.after == 0,
            Some(last) => {
                let reaches = [read.seq, read.after].contains(&last.seq);
                reaches && self.steps.windows(2).all(follows)
            }
        }
    }
}

impl FromRaw for ChatRoom {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut id, mut members, mut by_member) = (None, None, None);
        let (mut created_at, mut added_by, mut rev) = (None, None, None);
        for field in document {
            let (name, value) = field?;
            match name.as_str() {
                "_id" => id = ChatRoomId::from_raw(value),
                "chatUsers" => members = scan::members(value),
                "createdAt" => created_at = value.as_datetime(),
                "addedBy" => added_by = ChatUserId::from_raw(value),
                "cursors" => by_member = Some(value),
                "rev" => rev = integer(value),
                _ => {}
            }
        }
        let members = members.ok_or(Unreadable::Field("chatUsers"))?;
        let mut all = ByMember::default();
        for (member, cursors) in by_member.into_iter().flat_map(scan::cursors) {
            let position = ChatUserId::parse(member).and_then(|who| members.position(who));
            if let Some(position) = position {
                *all.of_mut(position) = cursors;
            }
        }
        Ok(Self {
            id: id.ok_or(Unreadable::Field("_id"))?,
            members,
            created_at: created_at.ok_or(Unreadable::Field("createdAt"))?,
            added_by: added_by.ok_or(Unreadable::Field("addedBy"))?,
            cursors: all,
            rev: rev.unwrap_or_default(),
        })
    }
}

impl FromRaw for Members {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let members = document.get("chatUsers")?.and_then(scan::members);
        members.ok_or(Unreadable::Field("chatUsers"))
    }
}

impl ChatRoom {
    /// The other member, seen from `me`.
    pub fn other(&self, me: ChatUserId) -> ChatUserId {
        self.members.other(me)
    }

    /// How far `member` has got; for a stranger, the start.
    pub fn cursors(&self, member: ChatUserId) -> Cursors {
        let position = self.members.position(member);
        position.map_or_else(Cursors::default, |position| *self.cursors.of(position))
    }

    /// The document of a chat room without messages.
    pub(in crate::store) fn as_created(&self) -> Document {
        let [a, b] = self.members.ids();
        doc! {
            "_id": self.id,
            "chatUsers": [a, b],
            "pair": pair(self.members),
            "createdAt": self.created_at,
            "addedBy": self.added_by,
            "lastSeq": 0_i64,
            "lastMessageAt": null,
            "lastCounts": [0_i64, 0_i64],
            "logged": 0_i64,
            "cursors": {},
        }
    }
}

/// The key of two people's chat room: `<lower>:<higher>`.
///
/// One string, because a unique index on an array would make each *member*
/// unique, not the pair.
pub fn pair(members: Members) -> String {
    let [a, b] = members.ids();
    let (lower, higher) = if a < b { (a, b) } else { (b, a) };
    format!("{lower}:{higher}")
}

/// The chat rooms collection.
#[derive(Clone, Debug)]
pub struct ChatRooms {
    documents: Documents<ChatRoom>,
    bulk: BulkWriter,
}

/// How long to look for a chat room whose creation has no answer yet.
const OPEN_FOR: Duration = Duration::from_secs(30);
/// Pause between two look-ups of it.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Name of the unique index on `pair`.
pub const PAIR: &str = "pair";

/// Indexes of the collection, each with the query it serves.
pub(super) fn indexes() -> Vec<IndexModel> {
    vec![
        // find_by_pair; gives a pair of people one chat room
        index::unique(PAIR, doc! { "pair": 1 }),
        // list_of, newest conversation first
        index::plain(
            "chatUsers_lastMessageAt",
            doc! { "chatUsers": 1, "lastMessageAt": -1 },
        ),
    ]
}

/// What [`ChatRooms::get_or_create`] found.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The one chat room of the pair.
    pub room: ChatRoom,
    /// Whether this very call created it.
    pub created: bool,
}

/// Up to where a chat room is in the log of events.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct LoggedRoom {
    /// The chat room.
    #[serde(rename = "_id")]
    pub id: ChatRoomId,
    #[serde(rename = "chatUsers")]
    members: [ChatUserId; 2],
    /// The last position that is certainly there; `None` in documents that do not say.
    #[serde(default)]
    pub logged: Option<Seq>,
}

by_serde!(LoggedRoom);

impl LoggedRoom {
    /// Its members; `None` if they are one person.
    pub fn members(&self) -> Option<Members> {
        let [a, b] = self.members;
        Members::new(a, b)
    }
}

impl ChatRooms {
    pub(super) fn new(documents: Documents<ChatRoom>, bulk: BulkWriter) -> Self {
        Self { documents, bulk }
    }

    /// Lists the pairs that contain any of these people, of each the most recently used
    /// [`MAX_LISTED`]. Index: `chatUsers_lastMessageAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_pairs_of(&self, people: &[ChatUserId]) -> Result<Vec<Members>, Error> {
        let lookups = people.iter().map(|who| {
            vec![
                doc! { "$match": { "chatUsers": who } },
                doc! { "$sort": { "lastMessageAt": -1 } },
                doc! { "$limit": MAX_LISTED },
                doc! { "$project": { "_id": 0, "chatUsers": 1 } },
            ]
        });
        let lookups: Vec<Vec<Document>> = lookups.collect();
        self.documents
            .look_into("chat_rooms.list_pairs_of", &lookups, &[])
            .await
    }

    /// Finds the chat room of two people. Index: `pair`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_by_pair(&self, members: Members) -> Result<Option<ChatRoom>, Error> {
        let filter = doc! { "pair": pair(members) };
        self.documents
            .find_one("chat_rooms.find_by_pair", filter)
            .await
    }

    /// Lists the chat rooms of these pairs, those that there are. Index: `pair`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_by_pairs(&self, pairs: &[Members]) -> Result<Vec<ChatRoom>, Error> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(pairs.len()).unwrap_or(i64::MAX);
        let pairs: Vec<String> = pairs.iter().map(|members| pair(*members)).collect();
        let listing = Listing::of(doc! { "pair": { "$in": pairs } }, limit).without(LEFT_OUT);
        self.documents
            .list("chat_rooms.list_by_pairs", listing)
            .await
    }

    /// Gets the chat room of two people, created by the first of them if there is none.
    ///
    /// Any number of callers at once, from both sides, get the same document, and at most
    /// one of them learns that it created it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get_or_create(&self, members: Members, now: DateTime) -> Result<Opened, Error> {
        let found = self.find_by_pair(members).await;
        if let Some(room) = found.map_err(Error::before_writing)? {
            return Ok(Opened {
                room,
                created: false,
            });
        }
        // messages are sharded by their chat room: new ones must not accumulate on one shard
        let id = ChatRoomId::generate_spread();
        let room = ChatRoom {
            id,
            members,
            created_at: now,
            added_by: members.one(Position::First),
            cursors: ByMember::default(),
            rev: 0,
        };
        let document = room.as_created();
        let inserted = self
            .documents
            .run("chat_rooms.create", |collection| async move {
                let collection = collection.clone_with_type();
                collection.insert_one(document).await.map(drop)
            })
            .await;
        match inserted {
            Ok(()) => Ok(Opened {
                room,
                created: true,
            }),
            Err(Error::Duplicate { index }) if index == PAIR => {
                let room = super::once_visible(|| self.find_by_pair(members)).await?;
                // our own insert, repeated by the driver after a lost answer, also ends here
                let created = room.id == id;
                Ok(Opened { room, created })
            }
            Err(error) if error.may_be_applied() => {
                let found = self.find_later(members).await.ok_or(error)?;
                Ok(Opened {
                    created: found.id == id,
                    room: found,
                })
            }
            Err(other) => Err(other),
        }
    }

    /// Looks for a chat room whose creation has no answer yet, for [`OPEN_FOR`]: the call
    /// that created it has to announce it.
    async fn find_later(&self, members: Members) -> Option<ChatRoom> {
        let until = tokio::time::Instant::now() + OPEN_FOR;
        while tokio::time::Instant::now() < until {
            if let Ok(Some(room)) = self.find_by_pair(members).await {
                return Some(room);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        None
    }

    /// Finds how far both members have got, with the times of their newest receipts.
    /// Index: `pair`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_receipts(&self, members: Members) -> Result<ByMember<Receipts>, Error> {
        self.documents
            .read("chat_rooms.find_receipts", move |collection| async move {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                let find = collection.find_one(doc! { "pair": pair(members) });
                let wanted = doc! { "_id": 0, "cursors": 1, "steps": 1 };
                let found = find.projection(wanted).await?;
                Ok(found.map_or_else(ByMember::default, |found| scan::receipts(members, &found)))
            })
            .await
    }

    /// Lists a person's chat rooms, newest conversation first. Index:
    /// `chatUsers_lastMessageAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_of(&self, member: ChatUserId, limit: i64) -> Result<Vec<ChatRoom>, Error> {
        let listing = Listing::of(doc! { "chatUsers": member }, limit)
            .sorted(doc! { "lastMessageAt": -1 })
            .without(LEFT_OUT);
        self.documents.list("chat_rooms.list_of", listing).await
    }

    /// Lists chat rooms by id. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list(&self, ids: &[ChatRoomId]) -> Result<Vec<ChatRoom>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let listing = Listing::of(doc! { "_id": { "$in": ids } }, limit).without(LEFT_OUT);
        self.documents.list("chat_rooms.list", listing).await
    }

    /// Lists up to where chat rooms are in the log of events. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_logged(&self, ids: &[ChatRoomId]) -> Result<Vec<LoggedRoom>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let stages = vec![
            doc! { "$match": { "_id": { "$in": ids } } },
            doc! { "$project": { "chatUsers": 1, "logged": 1 } },
        ];
        let name = "chat_rooms.list_logged";
        self.documents.aggregate(name, stages).await
    }

    /// Notes that messages may be changed up to a `rev`.
    ///
    /// # Errors
    /// When the database cannot answer, or has no such chat room.
    pub async fn raise_rev(&self, id: ChatRoomId, rev: i64) -> Result<(), Error> {
        let raise = doc! { "$max": { "rev": rev } };
        let update = self
            .documents
            .update_one("chat_rooms.raise_rev", by_id(id), raise, false);
        match update.await? {
            0 => Err(Error::NoChatRoom),
            _ => Ok(()),
        }
    }

    /// Lists the first chat rooms that match, by `_id`. Index: `_id_`.
    pub(super) async fn list_where(
        &self,
        filter: Document,
        limit: i64,
    ) -> Result<Vec<ChatRoom>, Error> {
        let listing = Listing::of(filter, limit).sorted(doc! { "_id": 1 });
        self.documents
            .list("chat_rooms.list_where", listing.without(LEFT_OUT))
            .await
    }

    /// Moves cursors that are at their expected positions, on a majority and journaled;
    /// returns how many moved.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer: then some may have moved.
    /// [`CursorMove::is_made`] tells for each, once the chat rooms have been read again.
    pub async fn move_cursors(
        &self,
        moves: &[CursorMove],
        limit: Duration,
    ) -> Result<usize, Error> {
        let statements = moves.iter().map(CursorMove::statement).collect();
        let name = "chat_rooms.move_cursors";
        let written = self
            .bulk
            .update(name, self.documents.name(), statements, limit);
        Ok(written.await?.changed)
    }
}

/// Fields of a chat room that no list needs.
const LEFT_OUT: &[&str] = &[
    "steps",
    "pair",
    "lastSeq",
    "lastMessageAt",
    "lastCounts",
    "logged",
    "notified",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ReadCursor;
    use crate::id::Seq;

    fn receipts(read: ReadCursor, steps: &[(Seq, Seq)]) -> Receipts {
        let at = DateTime::now();
        let steps = steps.iter().map(|(after, seq)| ReadStep {
            after: *after,
            seq: *seq,
            at,
        });
        Receipts {
            cursors: Cursors {
                read,
                ..Cursors::default()
            },
            steps: steps.collect(),
        }
    }

    #[test]
    fn a_receipt_that_is_not_written_yet_is_a_gap() {
        let read = |after, seq| ReadCursor {
            seq,
            after,
            ..ReadCursor::default()
        };
        for (read, steps, whole) in [
            (read(0, 0), &[][..], true),
            (read(0, 5), &[], true),
            (read(5, 9), &[], false),
            (read(5, 9), &[(0, 5)], true),
            (read(5, 9), &[(0, 5), (5, 9)], true),
            (read(9, 12), &[(0, 5)], false),
            (read(9, 12), &[(0, 5), (6, 9)], false),
            (read(9, 12), &[(3, 5), (5, 9), (9, 12)], true),
        ] {
            let case = receipts(read, steps);
            assert_eq!(case.has_no_gap(), whole, "{read:?} {steps:?}");
        }
    }
}
