//! What a lane sees to afterwards: outcomes that were open when the senders had
//! to be answered, and messages whose receiver came while they were stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::command::{Advance, Advanced, Asker, Command, Member, Scope, Stored};
use super::lane::Lane;
use crate::id::ChatRoomId;
use crate::store::Status;
use crate::store::messages::{Change, Ends, Step};

/// How long marking a message handed over is tried; nobody waits for it.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(5);
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

    /// When something is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        let rooms = self.rooms.values().map(|look| look.next);
        let receipts = self.receipts.iter().map(|look| look.next);
        rooms.chain(receipts).min()
    }
}

impl Lane {
    /// Looks at what is due.
    pub(super) async fn follow_up(&mut self) {
        let now = Instant::now();
        let due: Vec<ChatRoomId> = self
            .follow_ups
            .rooms
            .iter()
            .filter(|(_, look)| look.next <= now)
            .map(|(room, _)| *room)
            .collect();
        for room in due {
            let Some(mut look) = self.follow_ups.rooms.remove(&room) else {
                continue;
            };
            self.rooms.doubt(room);
            let looked = tokio::time::timeout(LOOK_WITHIN, self.tell_untold(room, &look.what));
            if looked.await.is_err() {
                tracing::debug!("an open outcome could not be looked at");
            }
            if look.postpone() {
                self.follow_ups.rooms.entry(room).or_insert(look);
            }
        }
        let receipts = std::mem::take(&mut self.follow_ups.receipts);
        let (due, later): (Vec<_>, Vec<_>) =
            receipts.into_iter().partition(|look| look.next <= now);
        self.follow_ups.receipts = later;
        for mut look in due {
            let told = self.tell_receipt(&look.what).await;
            if !told && look.postpone() {
                self.follow_ups.receipts.push(look);
            }
        }
    }

    /// Tells what is stored in a room and was not told.
    async fn tell_untold(&mut self, room: ChatRoomId, members: &[Member; 2]) {
        if !matches!(self.learn(&[room], &mut ()).await, Some(Ok(()))) {
            return;
        }
        while let Some(Ok(untold)) = self.untold(room, &mut ()).await {
            if untold.is_empty() {
                return;
            }
            let found: Vec<Stored> = untold
                .into_iter()
                .map(|message| Stored::between(message, members))
                .collect();
            self.tell(&found);
            self.hand_over(&found, members);
        }
    }

    /// Tells a receipt if it was applied after all; `false` if it was not.
    async fn tell_receipt(&mut self, receipt: &OpenReceipt) -> bool {
        let messages = self.with.store.messages.clone();
        let counted = tokio::time::timeout(LOOK_WITHIN, messages.count_applied(receipt.change));
        let Some(Ok(Ok(count))) = self.inbox.wait(counted, &mut ()).await else {
            return false;
        };
        if count == 0 {
            return false;
        }
        self.with.outlet.advanced(&Advanced {
            newest: receipt.change.applied_to(receipt.ends.newest.clone()),
            oldest: receipt.ends.oldest,
            count,
            step: receipt.change.step,
            origin: None,
            sender: Arc::clone(&receipt.sender.user),
            reader: Arc::clone(&receipt.reader.user),
        });
        true
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
                scope: Scope::Range(message.seq, message.seq),
                asker: Asker::Nobody,
                deadline,
            }));
        }
    }
}
