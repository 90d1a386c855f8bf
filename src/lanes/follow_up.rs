//! What a lane sees to afterwards: outcomes that were open when the senders had
//! to be answered, and messages whose receiver came while they were stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::apply::{Part, parts};
use super::command::{Advance, Advanced, Asker, Command, Member, Scope, Stored};
use super::lane::Lane;
use crate::id::ChatRoomId;
use crate::store::messages::{Change, Ends, Step};
use crate::store::{Error, Status};

/// How long marking a message handed over is tried; nobody waits for it.
pub(super) const HAND_OVER_WITHIN: Duration = Duration::from_secs(5);
/// How many more times, so that an outage of a minute is outlived.
const HAND_OVER_AGAIN: u8 = 20;
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
    rooms: HashMap<ChatRoomId, Look<[Member; 2]>>,
    receipts: Vec<Look<OpenReceipt>>,
}

/// Something to be looked at some more times.
struct Look<T> {
    what: T,
    times: std::slice::Iter<'static, Duration>,
    next: Instant,
}

/// A receipt that may have been applied without anybody being told.
pub(super) struct OpenReceipt {
    pub(super) change: Change,
    pub(super) ends: Ends,
    pub(super) reader: Member,
    pub(super) sender: Member,
}

impl<T> Look<T> {
    fn at(what: T) -> Self {
        let mut look = Self {
            what,
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
    /// Messages of a room may come to be stored that nobody was told about.
    pub(super) fn look_again(&mut self, room: ChatRoomId, members: [Member; 2]) {
        self.rooms.insert(room, Look::at(members));
    }

    /// A receipt may come to be applied that nobody was told about.
    pub(super) fn look_again_at_receipt(&mut self, receipt: OpenReceipt) {
        self.receipts.push(Look::at(receipt));
    }

    /// Puts off what is due, without using it up.
    fn delay(&mut self) {
        let later = Instant::now() + LOOK_WITHIN;
        let rooms = self.rooms.values_mut().map(|look| &mut look.next);
        let receipts = self.receipts.iter_mut().map(|look| &mut look.next);
        for next in rooms.chain(receipts) {
            *next = later.max(*next);
        }
    }

    fn due_receipt(&self, now: Instant) -> Option<usize> {
        self.receipts.iter().position(|look| look.next <= now)
    }

    /// When something is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        let rooms = self.rooms.values().map(|look| look.next);
        let receipts = self.receipts.iter().map(|look| look.next);
        rooms.chain(receipts).min()
    }
}

impl Lane {
    /// Looks at what is due. While the database cannot be asked nothing is
    /// used up: the same is tried again a little later.
    pub(super) async fn follow_up(&mut self) {
        let until = Instant::now() + LOOK_WITHIN;
        let rooms = tokio::time::timeout_at(until, self.follow_up_rooms());
        let rooms = rooms.await.unwrap_or(false);
        let receipts = rooms && {
            let receipts = tokio::time::timeout_at(until, self.follow_up_receipts());
            receipts.await.unwrap_or(false)
        };
        if !receipts {
            self.follow_ups.delay();
        }
    }

    /// Tells what is stored in the rooms that are due and was not told; `false`
    /// when the database could not be asked.
    async fn follow_up_rooms(&mut self) -> bool {
        let now = Instant::now();
        let due = self.follow_ups.rooms.iter();
        let due: Vec<(ChatRoomId, [Member; 2])> = due
            .filter(|(_, look)| look.next <= now)
            .map(|(room, look)| (*room, look.what.clone()))
            .collect();
        let rooms: Vec<ChatRoomId> = due.iter().map(|(room, _)| *room).collect();
        for room in &rooms {
            self.rooms.doubt(*room);
        }
        if !matches!(self.learn(&rooms, &mut ()).await, Some(Ok(()))) {
            return false;
        }
        for (room, members) in due {
            loop {
                let Some(Ok(untold)) = self.untold(room, &mut ()).await else {
                    return false;
                };
                if untold.is_empty() {
                    break;
                }
                let found = untold.into_iter();
                let found: Vec<Stored> = found
                    .map(|message| Stored::between(message, &members))
                    .collect();
                self.tell(&found).await;
                self.hand_over(&found, &members);
            }
            let looks = &mut self.follow_ups.rooms;
            if looks.get_mut(&room).is_some_and(|look| !look.postpone()) {
                looks.remove(&room);
            }
        }
        true
    }

    /// Tells the receipts that were applied after all; `false` when the
    /// database could not be asked.
    async fn follow_up_receipts(&mut self) -> bool {
        let now = Instant::now();
        let store = self.with.store.clone();
        while let Some(index) = self.follow_ups.due_receipt(now) {
            let Some(look) = self.follow_ups.receipts.get(index) else {
                return true;
            };
            let (change, ends) = (look.what.change, look.what.ends.clone());
            let applied = async {
                match store.messages.count_applied(change).await? {
                    0 => Ok(Vec::new()),
                    count => parts(&store, change, ends, count).await,
                }
            };
            let Some(Ok::<_, Error>(applied)) = self.inbox.wait(applied, &mut ()).await else {
                return false;
            };
            let mut look = self.follow_ups.receipts.swap_remove(index);
            if !applied.is_empty() {
                self.tell_receipt(&look.what, applied);
            } else if look.postpone() {
                self.follow_ups.receipts.push(look);
            }
        }
        true
    }

    fn tell_receipt(&self, receipt: &OpenReceipt, applied: Vec<Part>) {
        for Part { ends, count } in applied {
            self.with.outlet.advanced(&Advanced {
                newest: receipt.change.applied_to(ends.newest),
                oldest: ends.oldest,
                count,
                step: receipt.change.step,
                origin: None,
                sender: Arc::clone(&receipt.sender.user),
                reader: Arc::clone(&receipt.reader.user),
            });
        }
    }

    /// Marks messages handed over that were born `not_sent`, whose receiver
    /// has come while they were being stored and now gets them live.
    pub(super) fn hand_over(&mut self, stored: &[Stored], members: &[Member; 2]) {
        let deadline = Instant::now() + HAND_OVER_WITHIN;
        for message in stored.iter().map(|stored| &stored.message) {
            if message.status != Status::NotSent || !self.outlet().is_here(message.to) {
                continue;
            }
            let [a, b] = members;
            let (reader, sender) = if message.to == a.id { (a, b) } else { (b, a) };
            self.inbox.push(Command::Advance(Advance {
                room: message.chat_room,
                reader: reader.clone(),
                sender: sender.clone(),
                step: Step::Sent,
                scope: Scope::Known(Ends {
                    oldest: message.seq,
                    newest: message.clone(),
                }),
                asker: Asker::Nobody {
                    again: HAND_OVER_AGAIN,
                },
                deadline,
            }));
        }
    }
}
