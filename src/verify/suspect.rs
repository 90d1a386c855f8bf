//! What looks wrong, and may be a race with a running server.

use bson::{Bson, DateTime};

use super::Finding;
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
}

/// Something to be looked at again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Suspect {
    /// No race can make this: it is about what never changes.
    Sure(Finding),
    /// The numbers `first ..= last` of a room were not there.
    Gap {
        room: ChatRoomId,
        first: Seq,
        last: Seq,
    },
    /// A message whose fields contradicted each other.
    Message { id: Bson, room: ChatRoomId },
    /// A room whose head or cursors did not fit its messages.
    Room { id: ChatRoomId, tail: Tail },
    /// Messages whose room was not there.
    Orphans {
        room: ChatRoomId,
        first: String,
        count: u64,
    },
    /// A member whose chat user was not there.
    Member { room: ChatRoomId, user: ChatUserId },
    /// A count of unread messages that did not fit.
    Unread {
        room: ChatRoomId,
        to: ChatUserId,
        up_to: Seq,
    },
    /// Somebody who was online with a dead node, or with none.
    Presence { user: ChatUserId },
}

impl Suspect {
    /// How often it must look wrong again before it is reported: what is
    /// written behind, or counted while it changes, more often.
    pub(super) fn looks(&self) -> usize {
        match self {
            Self::Sure(_) => 0,
            Self::Gap { .. }
            | Self::Message { .. }
            | Self::Orphans { .. }
            | Self::Member { .. } => 1,
            Self::Room { .. } | Self::Unread { .. } | Self::Presence { .. } => 3,
        }
    }
}
