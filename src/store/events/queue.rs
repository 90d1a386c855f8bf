//! What waits to be written into the log. Whoever adds to it waits for nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use bson::DateTime;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::{Event, Item, MessageRef};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, Seq};

/// References that wait at most, about 100 bytes each; beyond that they are read from the
/// database when they are written.
const MAX_WAITING: usize = 100_000;
/// Items that wait at most, while the log cannot be written.
const MAX_ITEMS: usize = 100_000;
/// More items than a server writes in a millisecond.
const ITEMS_PER_MILLISECOND: i64 = 1_000;
/// People of one item, 17 bytes each: 500 items are far below 16 MB.
const PEOPLE_AT_ONCE: usize = 500;

/// Who learns of an event at once, before it is in the log. Must not block.
pub trait Listener: Send + Sync + 'static {
    /// This process stored a message.
    fn stored(&self, message: &Message);
    /// Something else happened.
    fn happened(&self, item: &Item);
}

/// The queue in front of the log.
#[derive(Default)]
pub struct EventQueue {
    waiting: Mutex<Waiting>,
    listener: OnceLock<Arc<dyn Listener>>,
    /// The last entry that this server has read or written.
    newest: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct Waiting {
    pending: Pending,
    /// The number of the last item.
    number: i64,
}

/// What is to be written.
#[derive(Debug, Default)]
pub struct Pending {
    /// Messages, by chat room.
    pub rooms: HashMap<ChatRoomId, PendingRoom>,
    /// Everything else, in its order.
    pub items: Vec<Item>,
    /// Who waits until all of it is written.
    waiters: Vec<oneshot::Sender<()>>,
    /// How many references there are.
    count: usize,
}

/// Messages of a chat room that are to be written.
#[derive(Debug, Default)]
pub struct PendingRoom {
    /// The last position that this process stored; what others stored after it, they write.
    pub own: Seq,
    /// Those that are known.
    pub known: BTreeMap<Seq, MessageRef>,
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue").finish_non_exhaustive()
    }
}

impl EventQueue {
    /// Nothing waits. Items are numbered from the time on at which the process started, so
    /// that no other run of this server uses the same numbers.
    pub fn new(started: DateTime) -> Self {
        let queue = Self::default();
        queue.waiting.lock().number = started.timestamp_millis() * ITEMS_PER_MILLISECOND;
        queue
    }

    /// Notes up to which entry the log is known here.
    pub fn reached(&self, entry: i64) {
        self.newest.send_replace(entry);
    }

    /// Up to which entry the log is known here, for those who wait for the next.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Sets who learns of events at once; the first call counts.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.listener.get_or_init(|| listener);
    }

    /// Adds messages that are stored, by this process or by others.
    pub fn stored<'a>(&self, messages: impl Iterator<Item = &'a Message> + Clone) {
        if let Some(listener) = self.listener.get() {
            let own = messages.clone();
            let own = own.filter(|message| message.id.is_of_this_process());
            own.for_each(|message| listener.stored(message));
        }
        let mut waiting = self.waiting.lock();
        for message in messages {
            waiting.pending.add(MessageRef::from(message));
        }
    }

    /// Adds messages that a server stored which is gone and may not have written them; by
    /// chat room the position of the last one.
    pub fn left_behind(&self, rooms: HashMap<ChatRoomId, Seq>) {
        let mut waiting = self.waiting.lock();
        for (id, seq) in rooms {
            let room = waiting.pending.rooms.entry(id).or_default();
            room.own = room.own.max(seq);
        }
    }

    /// Resolves when everything that was added before is in the log.
    pub fn written(&self) -> oneshot::Receiver<()> {
        let (written, all) = oneshot::channel();
        self.waiting.lock().pending.waiters.push(written);
        all
    }

    /// Adds something else that happened.
    pub fn happened(&self, event: Event) {
        let mut waiting = self.waiting.lock();
        if waiting.pending.items.len() >= MAX_ITEMS {
            metrics::counter!("chatzz_event_log_dropped_total").increment(1);
            return;
        }
        waiting.number += 1;
        let number = waiting.number;
        let item = Item { number, event };
        if let Some(listener) = self.listener.get() {
            listener.happened(&item);
        }
        waiting.pending.items.push(item);
    }

    /// Adds that the presence of people was written.
    pub fn presence(&self, people: &[ChatUserId], left_behind: bool) {
        for people in people.chunks(PEOPLE_AT_ONCE) {
            self.happened(Event::Presence {
                people: people.to_vec(),
                left_behind,
            });
        }
    }

    /// Takes everything out.
    pub fn take(&self) -> Pending {
        std::mem::take(&mut self.waiting.lock().pending)
    }
}

impl Pending {
    fn add(&mut self, reference: MessageRef) {
        let room = self.rooms.entry(reference.room).or_default();
        if reference.id.is_of_this_process() {
            room.own = room.own.max(reference.seq);
        }
        if room.known.insert(reference.seq, reference).is_none() {
            self.count += 1;
        }
        self.bound();
    }

    fn bound(&mut self) {
        if self.count > MAX_WAITING {
            for room in self.rooms.values_mut() {
                room.known.clear();
            }
            self.count = 0;
        }
    }

    /// Adds what has been added to the queue since.
    pub fn merge(&mut self, newer: Self) {
        for (id, newer) in newer.rooms {
            let room = self.rooms.entry(id).or_default();
            room.own = room.own.max(newer.own);
            room.known.extend(newer.known);
        }
        self.items.extend(newer.items);
        self.waiters.extend(newer.waiters);
        self.count = self.rooms.values().map(|room| room.known.len()).sum();
        self.bound();
    }

    /// Nothing is left to write.
    pub fn done(&mut self) {
        for waiter in self.waiters.drain(..) {
            // who does not wait any more need not know
            let _ = waiter.send(());
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Counts;
    use crate::id::MessageId;

    fn reference(room: ChatRoomId, seq: Seq) -> MessageRef {
        MessageRef {
            room,
            id: MessageId::generate(),
            from: ChatUserId::generate(),
            to: ChatUserId::generate(),
            seq,
            created_at: DateTime::now(),
            counts: Counts::new(seq, 0),
        }
    }

    #[test]
    fn what_is_too_much_to_remember_is_still_known_to_be_missing() {
        let rooms = [(); 2].map(|()| ChatRoomId::generate());
        let mut pending = Pending::default();
        for seq in 1..=60_000 {
            for room in rooms {
                pending.add(reference(room, seq));
            }
        }
        for room in rooms {
            let room = &pending.rooms[&room];
            assert_eq!(room.own, 60_000);
            assert!(room.known.len() <= MAX_WAITING);
        }
        assert!(pending.count <= MAX_WAITING);
    }

    #[test]
    fn what_comes_later_joins_what_waits() {
        let room = ChatRoomId::generate();
        let queue = EventQueue::default();
        let mut pending = Pending::default();
        for seqs in [1..=2, 2..=4] {
            let mut newer = Pending::default();
            seqs.for_each(|seq| newer.add(reference(room, seq)));
            pending.merge(newer);
        }
        queue.happened(Event::Ended {
            user: "a".to_owned(),
        });
        pending.merge(queue.take());
        queue.happened(Event::Ended {
            user: "b".to_owned(),
        });
        pending.merge(queue.take());
        let seqs: Vec<Seq> = pending.rooms[&room].known.keys().copied().collect();
        assert_eq!(seqs, [1, 2, 3, 4]);
        assert_eq!(pending.count, 4);
        let numbers: Vec<i64> = pending.items.iter().map(|item| item.number).collect();
        assert_eq!(numbers, [1, 2]);
        assert!(queue.take().is_empty());
    }
}
