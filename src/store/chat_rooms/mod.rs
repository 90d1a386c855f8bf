//! Chat rooms: one document per pair of chat users.

mod scan;

use std::collections::HashMap;
use std::time::Duration;

use bson::{DateTime, Document, RawDocument, doc};
use mongodb::IndexModel;
use serde::Deserialize;

use super::documents::{Documents, Listing};
use super::raw::{FromRaw, Unreadable, by_serde};
use super::{error::Error, index};
use crate::id::{ChatRoomId, ChatUserId, Seq};

pub use scan::{Heads, ScannedRoom};

/// Most chat rooms listed for one person, the most recently used first.
pub const MOST_LISTED: i64 = 10_000;

/// A chat room. Its document also holds its key, and its head: number and time of the
/// last message, written behind, which only order lists and are mended by `verify`.
#[derive(Clone, Debug)]
pub struct ChatRoom {
    /// The chat room's id.
    pub id: ChatRoomId,
    /// The two members.
    pub chat_users: [ChatUserId; 2],
    /// When the chat room was created.
    pub created_at: DateTime,
    /// Who created it.
    pub added_by: ChatUserId,
    /// Up to which message everything to each of the members was confirmed, in their
    /// order; written behind.
    pub delivered: [Seq; 2],
}

impl FromRaw for ChatRoom {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut id, mut members, mut cursors) = (None, None, None);
        let (mut created_at, mut added_by) = (None, None);
        for field in document {
            let (name, value) = field?;
            match name.as_str() {
                "_id" => id = ChatRoomId::from_raw(value),
                "chatUsers" => members = scan::members(value),
                "createdAt" => created_at = value.as_datetime(),
                "addedBy" => added_by = ChatUserId::from_raw(value),
                "cursors" => cursors = Some(value),
                _ => {}
            }
        }
        let chat_users = members.ok_or(Unreadable::Field("chatUsers"))?;
        let mut delivered = [0; 2];
        for (name, seq) in cursors.into_iter().flat_map(scan::cursors) {
            let members = chat_users.iter().zip(&mut delivered);
            for (_, known) in members.filter(|(member, _)| *member.to_hex() == *name) {
                *known = seq;
            }
        }
        Ok(Self {
            id: id.ok_or(Unreadable::Field("_id"))?,
            chat_users,
            created_at: created_at.ok_or(Unreadable::Field("createdAt"))?,
            added_by: added_by.ok_or(Unreadable::Field("addedBy"))?,
            delivered,
        })
    }
}

impl ChatRoom {
    /// The other member, seen from `me`.
    pub fn other(&self, me: ChatUserId) -> ChatUserId {
        let [a, b] = self.chat_users;
        if a == me { b } else { a }
    }

    /// How far `member` got as far as the document knows.
    pub fn delivered(&self, member: ChatUserId) -> Seq {
        let members = self.chat_users.iter().zip(self.delivered);
        let mut known = members.filter(|(one, _)| **one == member);
        known.next().map_or(0, |(_, seq)| seq)
    }

    /// The document of a chat room in which nothing was said yet.
    fn as_created(&self) -> Document {
        let [a, b] = self.chat_users;
        doc! {
            "_id": self.id,
            "chatUsers": [a, b],
            "pair": pair(a, b),
            "createdAt": self.created_at,
            "addedBy": self.added_by,
            "lastSeq": 0_i64,
            "lastMessageAt": null,
            "cursors": {},
        }
    }
}

/// The key of two people's chat room: `<lower>:<higher>`.
///
/// One string, because a unique index on an array would make each *member*
/// unique, not the pair.
pub fn pair(a: ChatUserId, b: ChatUserId) -> String {
    let (lower, higher) = if a < b { (a, b) } else { (b, a) };
    format!("{lower}:{higher}")
}

/// The chat rooms collection.
#[derive(Clone, Debug)]
pub struct ChatRooms {
    documents: Documents<ChatRoom>,
}

/// How long a chat room is looked for whose creation is open.
const OPEN_FOR: Duration = Duration::from_secs(30);
/// Pause between two looks for it.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Name of the unique index on `pair`.
pub const PAIR: &str = "pair";

/// Indexes of the collection, each with the query it serves.
pub(super) fn indexes() -> Vec<IndexModel> {
    vec![
        // find_by_pair; makes a pair of people one chat room
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

impl ChatRooms {
    pub(super) fn new(documents: Documents<ChatRoom>) -> Self {
        Self { documents }
    }

    /// Lists the pairs in which any of these people is. Index:
    /// `chatUsers_lastMessageAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_pairs_of(
        &self,
        people: &[ChatUserId],
    ) -> Result<Vec<[ChatUserId; 2]>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Pair {
            chat_users: [ChatUserId; 2],
        }
        by_serde!(Pair);
        let stages = vec![
            doc! { "$match": { "chatUsers": { "$in": people } } },
            doc! { "$project": { "_id": 0, "chatUsers": 1 } },
        ];
        let pairs: Vec<Pair> = self
            .documents
            .aggregate("chat_rooms.list_pairs_of", stages)
            .await?;
        Ok(pairs.into_iter().map(|pair| pair.chat_users).collect())
    }

    /// Finds the chat room of two people. Index: `pair`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_by_pair(
        &self,
        a: ChatUserId,
        b: ChatUserId,
    ) -> Result<Option<ChatRoom>, Error> {
        let filter = doc! { "pair": pair(a, b) };
        self.documents
            .find_one("chat_rooms.find_by_pair", filter)
            .await
    }

    /// Gets the chat room of two people, created by `by` if there is none.
    ///
    /// Any number of callers at once, from both sides, get the same document,
    /// and at most one of them is told that it created it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get_or_create(
        &self,
        by: ChatUserId,
        whom: ChatUserId,
        now: DateTime,
    ) -> Result<Opened, Error> {
        let found = self.find_by_pair(by, whom).await;
        if let Some(room) = found.map_err(Error::before_writing)? {
            return Ok(Opened {
                room,
                created: false,
            });
        }
        let id = ChatRoomId::generate();
        let room = ChatRoom {
            id,
            chat_users: [by, whom],
            created_at: now,
            added_by: by,
            delivered: [0; 2],
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
                let room = super::once_visible(|| self.find_by_pair(by, whom)).await?;
                // our own insert, repeated by the driver after a lost answer, also ends here
                let created = room.id == id;
                Ok(Opened { room, created })
            }
            Err(error) if error.may_be_applied() => {
                let found = self.find_later(by, whom).await.ok_or(error)?;
                Ok(Opened {
                    created: found.id == id,
                    room: found,
                })
            }
            Err(other) => Err(other),
        }
    }

    /// Looks for a chat room whose creation is open, for [`OPEN_FOR`]: whoever
    /// created it has to tell.
    async fn find_later(&self, a: ChatUserId, b: ChatUserId) -> Option<ChatRoom> {
        let until = tokio::time::Instant::now() + OPEN_FOR;
        while tokio::time::Instant::now() < until {
            if let Ok(Some(room)) = self.find_by_pair(a, b).await {
                return Some(room);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        None
    }

    /// Lists a person's chat rooms, newest conversation first, at most
    /// [`MOST_LISTED`]. Index: `chatUsers_lastMessageAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_of(&self, member: ChatUserId) -> Result<Vec<ChatRoom>, Error> {
        let listing = Listing::of(doc! { "chatUsers": member }, MOST_LISTED)
            .sorted(doc! { "lastMessageAt": -1 });
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
        let listing = Listing::of(doc! { "_id": { "$in": ids } }, limit);
        self.documents.list("chat_rooms.list", listing).await
    }
}

/// The update that moves a chat room's head and cursors, never backwards.
pub(super) fn moved(head: Option<(Seq, DateTime)>, cursors: &HashMap<ChatUserId, Seq>) -> Document {
    let mut most = Document::new();
    if let Some((seq, at)) = head {
        most.insert("lastSeq", seq);
        most.insert("lastMessageAt", at);
    }
    for (member, seq) in cursors {
        most.insert(format!("cursors.{member}.delivered"), *seq);
    }
    doc! { "$max": most }
}
