//! How far chat rooms got by messages that were imported.

use std::time::Duration;

use bson::{Bson, Document, doc};

use super::moves::{key, numbers};
use super::{ChatRooms, Error};
use crate::domain::{ByMember, Head, Members, Position};
use crate::id::{ChatRoomId, Seq};

/// The longest that it is waited for.
const MOVED_WITHIN: Duration = Duration::from_secs(30);

/// A range of messages that a member has got, without a gap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Got {
    first: Seq,
    last: Seq,
}

impl Got {
    /// Adds a message, if there is no gap before it.
    pub fn extend(&mut self, seq: Seq) {
        if self.last == 0 {
            self.first = seq;
        }
        if self.last == 0 || self.last + 1 == seq {
            self.last = seq;
        }
    }

    /// Adds a message and all before it.
    pub fn jump(&mut self, seq: Seq) {
        if seq > self.last {
            *self = Self {
                first: 1,
                last: seq,
            };
        }
    }
}

/// How far a chat room got.
#[derive(Clone, Copy, Debug)]
pub struct ImportedUpTo {
    room: ChatRoomId,
    members: Members,
    /// Its last message.
    pub head: Head,
    /// Up to where each of the members has read, and how many messages of the other that
    /// were.
    pub read: ByMember<(Seq, i64)>,
    /// What each of the members has got.
    pub got: ByMember<Got>,
}

impl ImportedUpTo {
    /// Nothing yet.
    pub fn new(room: ChatRoomId, members: Members) -> Self {
        Self {
            room,
            members,
            head: Head::EMPTY,
            read: ByMember::default(),
            got: ByMember::default(),
        }
    }

    /// The statements that move the head, and cursors that are not as far yet. What is
    /// repeated changes nothing.
    fn statements(&self) -> Vec<Document> {
        let Head { seq, at, counts } = self.head;
        let head = doc! {
            "lastSeq": seq,
            "lastMessageAt": at,
            "lastCounts": numbers(counts),
            // nobody is to hear of it
            "logged": seq,
        };
        let mut statements = vec![doc! {
            "q": key(self.room, self.members), "u": { "$max": head },
        }];
        for position in [Position::First, Position::Second] {
            let cursors = format!("cursors.{}", self.members.one(position));
            let Got { first, last } = *self.got.of(position);
            if last > 0 {
                let delivered = format!("{cursors}.delivered");
                let mut without_gap = key(self.room, self.members);
                if first > 1 {
                    without_gap.insert(&delivered, doc! { "$gte": first - 1 });
                }
                statements.push(doc! {
                    "q": without_gap, "u": { "$max": { delivered: last } },
                });
            }
            let (seq, count) = *self.read.of(position);
            if seq == 0 {
                continue;
            }
            let read = format!("{cursors}.read.seq");
            let mut behind = key(self.room, self.members);
            // nothing in a document that has none
            let less = doc! { &read: { "$lt": seq } };
            behind.insert("$or", vec![less, doc! { &read: Bson::Null }]);
            let moved = doc! { "seq": seq, "count": count, "after": 0_i64 };
            statements.push(doc! {
                "q": behind, "u": { "$set": { format!("{cursors}.read"): moved } },
            });
        }
        statements
    }
}

impl ChatRooms {
    /// Moves heads and cursors behind what was imported.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer: then some may have moved.
    pub async fn move_imported(&self, all: &[ImportedUpTo]) -> Result<(), Error> {
        let statements = all.iter().flat_map(ImportedUpTo::statements);
        let statements: Vec<Document> = statements.collect();
        if statements.is_empty() {
            return Ok(());
        }
        let name = "chat_rooms.move_imported";
        let moved = self
            .bulk
            .update(name, self.documents.name(), statements, MOVED_WITHIN);
        moved.await.map(drop)
    }
}
