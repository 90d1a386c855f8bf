//! What a lane knows of its chat rooms.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cursor::Cursor;
use crate::domain::{Head, Members};
use crate::id::{ChatRoomId, ChatUserId, Seq};

/// Chat rooms a lane remembers before it forgets idle ones.
const MAX_REMEMBERED: usize = 50_000;
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
    /// The two people.
    pub(super) members: Members,
    /// The last message, as far as every number here is resolved.
    pub(super) head: Head,
    /// The last message announced to this node's sockets.
    pub(super) announced: Seq,
    /// The members' delivered cursors.
    pub(super) cursors: HashMap<ChatUserId, Cursor>,
    /// Whether `head` is to be read anew, because an attempt's outcome is open.
    pub(super) doubtful: bool,
    /// When it was last read from the database.
    pub(super) learned: Instant,
    used: Instant,
}

impl Room {
    pub(super) fn new(members: Members, head: Head) -> Self {
        Self {
            members,
            head,
            announced: head.seq,
            cursors: HashMap::new(),
            doubtful: false,
            learned: Instant::now(),
            used: Instant::now(),
        }
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
        if self.rooms.len() >= MAX_REMEMBERED && due {
            self.forget_idle();
        }
        self.rooms.insert(id, room);
    }

    /// [`crate::bugs::Bug::CounterThenInsert`].
    pub(super) fn take_number(&mut self, id: ChatRoomId, seq: Seq) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.head.seq = seq;
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
                || room.announced < room.head.seq
                || !room.cursors.values().all(Cursor::is_settled);
            idle < if open { LONG_IDLE_AFTER } else { IDLE_AFTER }
        });
    }
}
