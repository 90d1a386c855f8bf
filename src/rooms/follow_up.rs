//! What a lane sees to afterwards: outcomes that were open when the senders had
//! to be answered, and messages whose receiver came while they were stored.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::command::{Advance, Caller, Command, Member, ReceiptKind, Scope, Stored};
use super::lane::Lane;
use super::receipts::UNASKED_FOR;
use crate::domain::Status;
use crate::id::{ChatRoomId, ChatUserId};

/// When an open outcome is looked at, after the answer. The attempt itself may
/// still reach the database as long as the driver holds on to it.
const LOOKS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
    Duration::from_secs(30),
];
/// The longest one look may keep the lane.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

/// Open outcomes.
#[derive(Default)]
pub(super) struct FollowUps {
    rooms: HashMap<ChatRoomId, Look>,
}

/// A chat room to be looked at some more times.
struct Look {
    members: [Member; 2],
    times: std::slice::Iter<'static, Duration>,
    next: Instant,
}

impl Look {
    fn at(members: [Member; 2]) -> Self {
        let mut look = Self {
            members,
            times: LOOKS.iter(),
            next: Instant::now(),
        };
        look.postpone();
        look
    }

    /// Sets the next time; `false` when there is none.
    fn postpone(&mut self) -> bool {
        match self.times.next() {
            Some(pause) => {
                self.next = Instant::now() + *pause;
                true
            }
            None => false,
        }
    }
}

impl FollowUps {
    /// Messages of a room may come to be stored that nobody heard of.
    pub(super) fn look_again(&mut self, room: ChatRoomId, members: [Member; 2]) {
        self.rooms.insert(room, Look::at(members));
    }

    /// Puts off what is due, without using it up.
    fn delay(&mut self) {
        let later = Instant::now() + LOOK_WITHIN;
        for look in self.rooms.values_mut() {
            look.next = later.max(look.next);
        }
    }

    /// When something is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.rooms.values().map(|look| look.next).min()
    }
}

impl Lane {
    /// Looks at what is due. While the database cannot be asked nothing is
    /// used up: the same is tried again a little later.
    pub(super) async fn follow_up(&mut self) {
        let until = Instant::now() + LOOK_WITHIN;
        let rooms = tokio::time::timeout_at(until, self.follow_up_rooms());
        if !rooms.await.unwrap_or(false) {
            self.follow_ups.delay();
        }
    }

    /// Announces what came to be stored in the rooms that are due; `false` when the
    /// database could not be asked.
    async fn follow_up_rooms(&mut self) -> bool {
        let now = Instant::now();
        let due = self.follow_ups.rooms.iter();
        let due: HashMap<ChatRoomId, [Member; 2]> = due
            .filter(|(_, look)| look.next <= now)
            .map(|(room, look)| (*room, look.members.clone()))
            .collect();
        for room in due.keys() {
            self.rooms.doubt(*room);
        }
        let rooms: Vec<ChatRoomId> = due.keys().copied().collect();
        if !matches!(self.learn(due, &mut ()).await, Some(Ok(()))) {
            return false;
        }
        for room in rooms {
            let looks = &mut self.follow_ups.rooms;
            if looks.get_mut(&room).is_some_and(|look| !look.postpone()) {
                looks.remove(&room);
            }
        }
        true
    }

    /// Marks messages handed over that were born `not_sent`, whose receiver
    /// has come while they were being stored and now gets them live.
    ///
    /// Of several messages of one chat room the newest says so for all.
    pub(super) fn mark_sent(&mut self, stored: &[Stored], members: &[Member; 2]) {
        let mut newest: HashMap<ChatUserId, &Stored> = HashMap::new();
        for stored in stored {
            let to = stored.message.to;
            if stored.delivery.status == Status::NotSent && self.outlet().is_here(to) {
                newest.insert(to, stored);
            }
        }
        for stored in newest.into_values() {
            let message = &stored.message;
            let [a, b] = members;
            let (reader, sender) = if message.to == a.id { (a, b) } else { (b, a) };
            let advance = Command::Advance(Advance {
                room: message.chat_room,
                reader: reader.clone(),
                sender: sender.clone(),
                kind: ReceiptKind::Sent,
                scope: Scope::Sent {
                    up_to: message.seq,
                    newest: Box::new(message.clone()),
                },
                caller: Caller::Task,
                deadline: Instant::now() + UNASKED_FOR,
            });
            if let Err(full) = self.receipts.try_send(advance) {
                let receipts = self.receipts.clone();
                tokio::spawn(async move { receipts.send(full.into_inner()).await });
            }
        }
    }
}
