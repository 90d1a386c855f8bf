//! What a lane knows of its chat rooms.

use std::collections::HashMap;
use std::time::Duration;

use bson::DateTime;
use tokio::time::Instant;

use super::cursor::Cursor;
use crate::id::{ChatRoomId, ChatUserId, Seq};

/// Chat rooms a lane remembers before it forgets idle ones.
const MOST_REMEMBERED: usize = 50_000;
/// A chat room is idle after this.
const IDLE_AFTER: Duration = Duration::from_mins(1);
/// And after this one that has something open: else each chat room with messages
/// that nobody fetched would stay for ever.
const LONG_IDLE_AFTER: Duration = Duration::from_mins(30);

/// Idle rooms are looked for no more often than this: a look reads them all.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// One chat room.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// Number of the last message, as far as every number here is resolved.
    pub(super) last: Seq,
    /// Time of the last message.
    pub(super) last_at: DateTime,
    /// The last message told to this node's sockets.
    pub(super) told: Seq,
    /// The members' delivered cursors.
    pub(super) cursors: HashMap<ChatUserId, Cursor>,
    /// Whether `last` is to be read anew, because an attempt's outcome is open.
    pub(super) doubtful: bool,
    /// When it was last read from the database.
    pub(super) learned: Instant,
    used: Instant,
}

impl Room {
    pub(super) fn new(last: Seq, last_at: DateTime) -> Self {
        Self {
            last,
            last_at,
            told: last,
            cursors: HashMap::new(),
            doubtful: false,
            learned: Instant::now(),
            used: Instant::now(),
        }
    }

    /// The two people, once the room was read from the database.
    pub(super) fn members(&self) -> Vec<ChatUserId> {
        self.cursors.keys().copied().collect()
    }

    /// The time of a message stored now: never before the one before it.
    pub(super) fn time(&self, now: DateTime) -> DateTime {
        now.max(self.last_at)
    }
}

/// The chat rooms of a lane.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: HashMap<ChatRoomId, Room>,
    /// When idle rooms were last looked for.
    swept: Option<Instant>,
}

impl Rooms {
    pub(super) fn get(&mut self, id: ChatRoomId) -> Option<&mut Room> {
        let room = self.rooms.get_mut(&id)?;
        room.used = Instant::now();
        Some(room)
    }

    /// Whether the room was read.
    pub(super) fn has(&self, id: ChatRoomId) -> bool {
        self.rooms.contains_key(&id)
    }

    /// Whether messages of the room can be numbered without asking the database.
    pub(super) fn is_known(&self, id: ChatRoomId) -> bool {
        self.rooms.get(&id).is_some_and(|room| !room.doubtful)
    }

    pub(super) fn insert(&mut self, id: ChatRoomId, room: Room) {
        let due = self.swept.is_none_or(|at| at.elapsed() > SWEEP_EVERY);
        if self.rooms.len() >= MOST_REMEMBERED && due {
            self.forget_idle();
        }
        self.rooms.insert(id, room);
    }

    /// [`crate::bugs::Bug::CounterThenInsert`].
    pub(super) fn take_number(&mut self, id: ChatRoomId, seq: Seq) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.last = seq;
        }
    }

    /// Marks the room's numbering as open until it is read anew.
    pub(super) fn doubt(&mut self, id: ChatRoomId) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.doubtful = true;
        }
    }

    /// Forgets chat rooms that nobody uses; those of which the database does not know
    /// all much later, when whoever it is about has come again or has logged out.
    fn forget_idle(&mut self) {
        let now = Instant::now();
        self.swept = Some(now);
        self.rooms.retain(|_, room| {
            let idle = now.duration_since(room.used);
            let open = room.doubtful
                || room.told < room.last
                || !room.cursors.values().all(Cursor::is_settled);
            idle < if open { LONG_IDLE_AFTER } else { IDLE_AFTER }
        });
    }
}
