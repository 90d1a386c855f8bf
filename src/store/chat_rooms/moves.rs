//! Moving a chat room's head and its members' cursors forward, never back.

use bson::{Bson, DateTime, Document, doc};

use super::{ChatRoom, pair};
use crate::domain::{Counts, Cursors, Members, Position, ReadCursor, STEPS_KEPT, SentCursor};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::write_behind::{ReadSteps, RoomProgress};

/// One receipt: a cursor to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// The chat room.
    pub room: ChatRoomId,
    /// Its members.
    pub members: Members,
    /// Whose cursor.
    pub member: ChatUserId,
    /// Its expected position.
    pub before: Seq,
    /// Its new position.
    pub to: Moved,
}

/// The new position of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Devices of the member were sent everything up to it.
    Sent {
        /// The position.
        seq: Seq,
        /// When.
        at: DateTime,
    },
    /// The member has read up to it.
    Read {
        /// The position.
        seq: Seq,
        /// How many messages the other had sent by then.
        count: i64,
        /// When.
        at: DateTime,
    },
}

impl CursorMove {
    /// Compare-and-set: whoever moved a cursor knows from where, and no range is
    /// announced twice. The key is given with the id, for sharded collections.
    pub(super) fn statement(&self) -> Document {
        let (name, set) = match self.to {
            Moved::Sent { seq, at } => ("sent", doc! { "seq": seq, "at": at }),
            Moved::Read { seq, count, at } => {
                let read = doc! { "seq": seq, "count": count, "after": self.before, "at": at };
                ("read", read)
            }
        };
        let cursor = format!("cursors.{}.{name}", self.member);
        let seq = format!("{cursor}.seq");
        let stands = if self.before == 0 {
            doc! { seq: { "$in": [Bson::Null, Bson::Int64(0)] } }
        } else {
            doc! { seq: self.before }
        };
        let mut filter = key(self.room, self.members);
        filter.extend(stands);
        doc! { "q": filter, "u": { "$set": { cursor: set } } }
    }

    /// The cursors after the move.
    #[must_use]
    pub fn applied_to(&self, cursors: Cursors) -> Cursors {
        let moved = match self.to {
            Moved::Sent { seq, at } => Cursors {
                sent: SentCursor { seq, at: Some(at) },
                ..cursors
            },
            Moved::Read { seq, count, at } => Cursors {
                read: ReadCursor {
                    seq,
                    count,
                    after: self.before,
                    at: Some(at),
                },
                ..cursors
            },
        };
        cursors.furthest(moved)
    }

    /// Whether a chat room that was read after the attempt shows that this very move was made.
    pub fn is_made(&self, room: &ChatRoom) -> bool {
        self.is_made_in(&room.cursors(self.member))
    }

    /// The same for the member's cursors: position and time together identify one server's move.
    pub fn is_made_in(&self, cursors: &Cursors) -> bool {
        match self.to {
            Moved::Sent { seq, at } => cursors.sent == SentCursor { seq, at: Some(at) },
            Moved::Read { seq, at, .. } => {
                let ReadCursor { after, .. } = cursors.read;
                (cursors.read.seq, cursors.read.at) == (seq, Some(at)) && after == self.before
            }
        }
    }
}

/// A chat room by its id and its key.
pub(super) fn key(room: ChatRoomId, members: Members) -> Document {
    doc! { "_id": room, "pair": pair(members) }
}

/// The statement that moves a chat room's head and delivered cursors.
pub(in crate::store) fn progress(room: ChatRoomId, progress: &RoomProgress) -> Document {
    let mut most = Document::new();
    if let Some(head) = progress.head {
        most.insert("lastSeq", head.seq);
        most.insert("lastMessageAt", head.at);
        // both only grow, so the greater pair is the later one
        most.insert("lastCounts", numbers(head.counts));
    }
    if let Some(logged) = progress.logged {
        most.insert("logged", logged);
    }
    for (member, seq) in &progress.delivered {
        most.insert(format!("cursors.{member}.delivered"), *seq);
    }
    doc! { "q": key(room, progress.members), "u": { "$max": most } }
}

/// The statement that stores when a member read, among the newest receipts; repeating it
/// changes nothing, since it is executed as a whole or not at all.
pub(in crate::store) fn steps(
    room: ChatRoomId,
    members: Members,
    ReadSteps { member, steps, .. }: &ReadSteps,
) -> Document {
    let field = format!("steps.{member}");
    let values = steps.iter().map(|step| {
        Bson::from(vec![
            Bson::Int64(step.after),
            Bson::Int64(step.seq),
            Bson::DateTime(step.at),
        ])
    });
    let values: Vec<Bson> = values.collect();
    let mut filter = key(room, members);
    // the last: none of them is dropped later
    filter.insert(&field, doc! { "$ne": values.last().cloned() });
    let newest = -i64::try_from(STEPS_KEPT).unwrap_or(i64::MAX);
    let push = doc! { "$each": values, "$sort": 1, "$slice": newest };
    doc! { "q": filter, "u": { "$push": { field: push } } }
}

/// Counts as they are stored.
pub(in crate::store) fn numbers(counts: Counts) -> Vec<i64> {
    use Position::{First, Second};
    vec![*counts.of(First), *counts.of(Second)]
}
