//! Differences that may be a race with a running server.

use bson::{Bson, DateTime};

use super::Finding;
use crate::domain::Counts;
use crate::id::{ChatRoomId, ChatUserId, Seq};

/// The message with the highest number, at the time of the first look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Its number, 0 if there is none.
    pub(super) seq: Seq,
    /// Its time.
    pub(super) at: Option<DateTime>,
    /// The latest time of any message.
    pub(super) latest: Option<DateTime>,
    /// How many each member had sent by then, recounted.
    pub(super) counts: Counts,
}

/// Something to check again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Suspect {
    /// No race can cause this: it concerns data that never changes.
    Sure(Finding),
    /// The numbers `first ..= last` of a room were missing.
    Gap {
        room: ChatRoomId,
        first: Seq,
        last: Seq,
    },
    /// A message whose counts were not these.
    Counts {
        id: Bson,
        room: ChatRoomId,
        counts: Counts,
    },
    /// A message that says it was read, above its receiver's cursor.
    ReadAt { id: Bson, room: ChatRoomId },
    /// A room whose head or cursors did not match its messages.
    Room { id: ChatRoomId, tail: Tail },
    /// A room that did not know of all changes of its messages.
    Changes { room: ChatRoomId },
    /// Messages whose room did not exist.
    Orphans {
        room: ChatRoomId,
        first: String,
        count: u64,
    },
    /// A member whose chat user did not exist.
    Member { room: ChatRoomId, user: ChatUserId },
    /// Somebody who was online on a dead node, or on none.
    Presence { user: ChatUserId },
}

impl Suspect {
    /// How often it must look wrong again before it is reported: more often for data that
    /// is written behind.
    pub(super) fn looks(&self) -> usize {
        match self {
            Self::Sure(_) => 0,
            Self::Gap { .. }
            | Self::Counts { .. }
            | Self::ReadAt { .. }
            | Self::Changes { .. }
            | Self::Orphans { .. }
            | Self::Member { .. } => 1,
            Self::Room { .. } | Self::Presence { .. } => 3,
        }
    }
}
