//! What a lane knows of its chat rooms.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cursor::Cursor;
use crate::domain::{Head, Members};
use crate::id::{ChatRoomId, ChatUserId};

/// Chat rooms a lane remembers before it forgets idle ones.
const MAX_REMEMBERED: usize = 50_000;
/// A chat room is idle after this: later than what is stored elsewhere may be announced.
const IDLE_AFTER: Duration = Duration::from_mins(3);
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
    /// The last message, as far as every number here is resolved; `None` while only the
    /// cursors are known.
    pub(super) head: Option<Head>,
    /// The members' delivered cursors.
    pub(super) cursors: HashMap<ChatUserId, Cursor>,
    /// Whether there may be messages after `head`, because an attempt's outcome is open.
    pub(super) doubtful: bool,
    /// Whether the cursors are to be read anew.
    pub(super) outdated: bool,
    /// When it was last read from the database.
    pub(super) learned: Instant,
    used: Instant,
}

impl Room {
    pub(super) fn new(members: Members) -> Self {
        Self {
            members,
            head: None,
            cursors: HashMap::new(),
            doubtful: false,
            outdated: false,
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

    /// The room, if messages of it can be numbered.
    pub(super) fn numbered(&mut self, id: ChatRoomId) -> Option<&mut Room> {
        self.get(id).filter(|room| room.head.is_some())
    }

    /// Whether messages of the room can be numbered without asking the database.
    pub(super) fn is_known(&self, id: ChatRoomId) -> bool {
        let room = self.rooms.get(&id);
        room.is_some_and(|room| room.head.is_some() && !room.doubtful)
    }

    /// Whether the room's cursors have to be read.
    pub(super) fn is_outdated(&self, id: ChatRoomId) -> bool {
        self.rooms.get(&id).is_none_or(|room| room.outdated)
    }

    /// The room, new if it was unknown.
    pub(super) fn enter(&mut self, id: ChatRoomId, members: Members) -> &mut Room {
        let new = || Room::new(members);
        self.rooms.entry(id).or_insert_with(new)
    }

    /// Marks the room's numbering as open until it is read anew.
    pub(super) fn doubt(&mut self, id: ChatRoomId) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.doubtful = true;
        }
    }

    /// Forgets chat rooms that nobody uses, if there are many; those of which the database
    /// does not know all much later, when whoever it is about has come again or has
    /// logged out. Returns those that it forgot.
    pub(super) fn forget_idle(&mut self) -> Vec<ChatRoomId> {
        let is_due = self.swept.is_none_or(|at| at.elapsed() > SWEEP_EVERY);
        if self.rooms.len() < MAX_REMEMBERED || !is_due {
            return Vec::new();
        }
        let now = Instant::now();
        self.swept = Some(now);
        let idle = self.rooms.extract_if(|_, room| {
            let idle = now.duration_since(room.used);
            let is_open = room.doubtful || !room.cursors.values().all(Cursor::is_settled);
            idle >= if is_open { LONG_IDLE_AFTER } else { IDLE_AFTER }
        });
        idle.map(|(id, _)| id).collect()
    }
}
