//! The cursors of chat rooms that had a receipt lately, and messages stored lately.
//!
//! What is here is durable: a cursor is noted once its move is stored, and before it is
//! announced. Whoever read a chat room a moment ago takes the further of the two, so
//! that an answer never shows less than was announced before it. The newest message of
//! a chat room is nearly always the one that a receipt is about: kept for a moment, it
//! need not be read for it.

use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use moka::sync::Cache;

use super::command::RoomOutline;
use crate::domain::{ByMember, Cursors, Members, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::ChatRoom;

/// Chat rooms remembered at most, about 400 bytes each.
const MAX_ROOMS: u64 = 50_000;
/// How long one is remembered after its last receipt.
const IDLE: Duration = Duration::from_mins(10);

/// Bytes of text of messages kept, of all chat rooms together.
const MAX_TEXT: u64 = 8 * 1024 * 1024;
/// What a message takes beside its text, about.
const MESSAGE_BYTES: usize = 400;
/// How long a message is kept: whoever is here reads it within that.
const KEPT: Duration = Duration::from_secs(30);

/// The cursors of both members of a chat room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomCursors {
    pub(super) members: Members,
    created_at: DateTime,
    pub(super) cursors: ByMember<Cursors>,
}

/// The cursors of chat rooms that had a receipt lately.
#[derive(Clone, Debug)]
pub struct RecentCursors {
    rooms: Cache<ChatRoomId, RoomCursors>,
    newest: Cache<ChatRoomId, Arc<Message>>,
}

impl Default for RecentCursors {
    fn default() -> Self {
        Self::new()
    }
}

impl RecentCursors {
    /// None yet.
    pub fn new() -> Self {
        let rooms = Cache::builder()
            .max_capacity(MAX_ROOMS)
            .time_to_idle(IDLE)
            .build();
        let weight = |_: &ChatRoomId, message: &Arc<Message>| {
            u32::try_from(MESSAGE_BYTES + message.content_bytes()).unwrap_or(u32::MAX)
        };
        let newest = Cache::builder()
            .weigher(weight)
            .max_capacity(MAX_TEXT)
            .time_to_live(KEPT)
            .build();
        Self { rooms, newest }
    }

    /// Keeps the newest message of a chat room; only its lane calls this.
    pub(super) fn keep_newest(&self, message: Message) {
        self.newest.insert(message.chat_room, Arc::new(message));
    }

    /// Forgets the newest message of a chat room: it may have been changed.
    pub(super) fn forget_newest(&self, room: ChatRoomId) {
        self.newest.invalidate(&room);
    }

    /// The message at a position, if it is kept.
    pub(super) fn message_at(&self, room: ChatRoomId, seq: Seq) -> Option<Arc<Message>> {
        self.newest.get(&room).filter(|message| message.seq == seq)
    }

    pub(super) fn get(&self, room: ChatRoomId) -> Option<RoomCursors> {
        self.rooms.get(&room)
    }

    /// What never changes of a chat room, if it is known.
    pub(super) fn outline(&self, room: ChatRoomId) -> Option<RoomOutline> {
        self.get(room).map(|known| RoomOutline {
            members: known.members,
            created_at: known.created_at,
        })
    }

    /// Takes in a chat room as it was read. Only the one task that moves the room's
    /// cursors calls this.
    pub(crate) fn learn(&self, room: &ChatRoom) -> RoomCursors {
        let mut learned = RoomCursors {
            members: room.members,
            created_at: room.created_at,
            cursors: room.cursors,
        };
        if let Some(known) = self.rooms.get(&room.id) {
            for who in room.members.ids() {
                let further = known.of(who).furthest(learned.of(who));
                learned.set(who, further);
            }
        }
        self.rooms.insert(room.id, learned);
        learned
    }

    /// The cursors of a member, if they moved lately.
    pub(crate) fn of(&self, room: ChatRoomId, member: ChatUserId) -> Option<Cursors> {
        self.rooms.get(&room).map(|known| known.of(member))
    }

    /// Notes a member's cursors once they are stored.
    pub(super) fn note(&self, room: ChatRoomId, member: ChatUserId, cursors: Cursors) {
        if let Some(mut known) = self.rooms.get(&room) {
            known.set(member, cursors);
            self.rooms.insert(room, known);
        }
    }

    /// Notes that nothing up to a position is news to a member's devices.
    pub(super) fn note_delivered(&self, room: ChatRoomId, member: ChatUserId, seq: Seq) {
        if let Some(known) = self.get(room) {
            let mut cursors = known.of(member);
            cursors.delivered = cursors.delivered.max(seq);
            self.note(room, member, cursors);
        }
    }

    /// The further of what was read of a member's cursors and what is known here; what
    /// is delivered, the database and what is written behind know better.
    pub(super) fn furthest(&self, room: ChatRoomId, member: ChatUserId, read: Cursors) -> Cursors {
        let Some(known) = self.rooms.get(&room) else {
            return read;
        };
        Cursors {
            delivered: read.delivered,
            ..known.of(member).furthest(read)
        }
    }
}

impl RoomCursors {
    /// How far a member got; nowhere for a stranger.
    pub(super) fn of(&self, member: ChatUserId) -> Cursors {
        let position = self.members.position(member);
        position.map_or_else(Cursors::default, |position| *self.cursors.of(position))
    }

    fn set(&mut self, member: ChatUserId, cursors: Cursors) {
        if let Some(position) = self.members.position(member) {
            *self.cursors.of_mut(position) = cursors;
        }
    }
}
