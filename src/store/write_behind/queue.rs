//! The write-behind queue: waiting updates, coalesced by document.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::repeats::Repeats;
use super::{BulkWrites, PresenceChange, ReadSteps, RoomProgress};
use crate::domain::{Head, Members, ReadStep};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::{Error, EventQueue};

/// How often the queue is written.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long presence waits for more of it while other servers are to learn of it.
const TOGETHER: Duration = Duration::from_millis(25);

/// How long a written cursor is remembered, at least; no read takes that long.
const REMEMBERED: Duration = Duration::from_secs(15);

/// The write-behind queue.
#[derive(Debug)]
pub struct WriteBehindQueue {
    writes: BulkWrites,
    /// Where it is said of whom presence was written.
    events: Arc<EventQueue>,
    pending: Mutex<Pending>,
    /// One flush at a time, so that an older state never overtakes a newer one.
    flushing: tokio::sync::Mutex<()>,
    came_or_went: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    boot: Arc<str>,
    rooms: HashMap<ChatRoomId, RoomProgress>,
    /// Cursors sent to the database recently: a read that began before they were there
    /// may complete now.
    written: Lately,
    presence: HashMap<ChatUserId, PresenceChange>,
    repeats: Repeats,
    since: Option<Instant>,
}

impl WriteBehindQueue {
    /// An empty queue in front of `writes`.
    pub fn new(writes: BulkWrites, events: Arc<EventQueue>) -> Self {
        Self {
            writes,
            events,
            pending: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
            came_or_went: Notify::new(),
        }
    }

    /// Sets the run of the node that presence is written for.
    pub fn set_boot(&self, boot: &str) {
        self.pending.lock().boot = boot.into();
    }

    /// The run of the node.
    pub fn boot(&self) -> Arc<str> {
        Arc::clone(&self.pending.lock().boot)
    }

    /// Records a chat room's last message.
    pub fn head(&self, room: ChatRoomId, members: Members, head: Head) {
        let mut pending = self.pending.lock();
        let progress = pending.room(room, members);
        progress.head = Some(progress.head.map_or(head, |known| known.later(head)));
    }

    /// Records up to where chat rooms are in the log of events.
    pub fn logged(&self, rooms: impl IntoIterator<Item = (ChatRoomId, Members, Seq)>) {
        let mut pending = self.pending.lock();
        for (room, members, seq) in rooms {
            let progress = pending.room(room, members);
            progress.logged = progress.logged.max(Some(seq));
        }
    }

    /// Records a delivered cursor that moved.
    pub fn delivered(&self, room: ChatRoomId, members: Members, member: ChatUserId, seq: Seq) {
        let mut pending = self.pending.lock();
        let progress = pending.room(room, members);
        let cursor = progress.delivered.entry(member).or_default();
        *cursor = seq.max(*cursor);
    }

    /// Records a receipt, to be stored with its time.
    pub fn read(&self, room: ChatRoomId, members: Members, member: ChatUserId, step: ReadStep) {
        let mut pending = self.pending.lock();
        pending.room(room, members).read(member, step);
    }

    /// Records that a person came online or went offline.
    pub fn presence(&self, user: ChatUserId, change: PresenceChange) {
        let mut pending = self.pending.lock();
        pending.since.get_or_insert_with(Instant::now);
        pending.presence.insert(user, change);
        drop(pending);
        self.came_or_went.notify_one();
    }

    /// A delivered cursor that the database may not show yet; 0 if none.
    pub fn known_delivered(&self, room: ChatRoomId, member: ChatUserId) -> Seq {
        let pending = self.pending.lock();
        let waiting = pending.rooms.get(&room);
        let waiting = waiting.and_then(|progress| progress.delivered.get(&member));
        let written = pending.written.cursor(room, member);
        waiting.copied().max(written).unwrap_or_default()
    }

    /// Writes every 250 ms until cancelled, and presence at once while there are other
    /// servers, as `together` says; the rest is left to the last
    /// [`WriteBehindQueue::flush`].
    pub async fn run(
        self: Arc<Self>,
        together: impl Fn() -> bool + Send,
        cancelled: CancellationToken,
    ) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let flushed = tokio::select! {
                () = cancelled.cancelled() => return,
                _ = ticks.tick() => self.flush().await,
                () = self.came_or_went.notified(), if together() => {
                    tokio::time::sleep(TOGETHER).await;
                    self.flush_presence().await
                }
            };
            if let Err(error) = flushed {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "write-behind waits"
                );
            }
        }
    }

    /// Writes what is waiting now. What could not be written stays in the queue.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn flush(&self) -> Result<(), Error> {
        let one_at_a_time = self.flushing.lock().await;
        // if one is not answered, it does not hold up the other
        let (came_or_went, moved) = tokio::join!(self.write_presence(), self.write_rooms());
        drop(one_at_a_time);
        came_or_went.and(moved)
    }

    /// Writes the presence that is waiting.
    async fn flush_presence(&self) -> Result<(), Error> {
        let _one_at_a_time = self.flushing.lock().await;
        self.write_presence().await
    }

    async fn write_presence(&self) -> Result<(), Error> {
        let (boot, presence) = {
            let mut pending = self.pending.lock();
            let mut presence = std::mem::take(&mut pending.presence);
            pending.repeats.add_due(&mut presence);
            (Arc::clone(&pending.boot), presence)
        };
        let written = self.writes.presence(&boot, &presence).await;
        let mut pending = self.pending.lock();
        pending.repeats.note(&presence, &written);
        if written.is_ok() {
            let people: Vec<ChatUserId> = presence.into_keys().collect();
            self.events.presence(&people, false);
        } else {
            pending.put_back_presence(presence);
        }
        written
    }

    async fn write_rooms(&self) -> Result<(), Error> {
        let rooms = {
            let mut pending = self.pending.lock();
            let lag = pending
                .since
                .take()
                .map_or(0.0, |at| at.elapsed().as_secs_f64());
            metrics::gauge!("chatzz_write_behind_lag_seconds").set(lag);
            let rooms = std::mem::take(&mut pending.rooms);
            pending.written.take_in(&rooms);
            rooms
        };
        let moved = self.writes.rooms(&rooms).await;
        if moved.is_err() {
            self.pending.lock().put_back_rooms(rooms);
        }
        moved
    }
}

/// Cursors of the last 15 to 30 seconds.
#[derive(Debug, Default)]
struct Lately {
    since: Option<Instant>,
    now: Cursors,
    before: Cursors,
}

type Cursors = HashMap<(ChatRoomId, ChatUserId), Seq>;

impl Lately {
    fn take_in(&mut self, rooms: &HashMap<ChatRoomId, RoomProgress>) {
        if self.since.is_none_or(|since| since.elapsed() >= REMEMBERED) {
            self.since = Some(Instant::now());
            self.before = std::mem::take(&mut self.now);
        }
        for (room, progress) in rooms {
            for (member, seq) in &progress.delivered {
                let cursor = self.now.entry((*room, *member)).or_default();
                *cursor = (*cursor).max(*seq);
            }
        }
    }

    fn cursor(&self, room: ChatRoomId, member: ChatUserId) -> Option<Seq> {
        let key = (room, member);
        let [now, before] = [&self.now, &self.before].map(|cursors| cursors.get(&key).copied());
        now.max(before)
    }
}

impl Pending {
    fn room(&mut self, room: ChatRoomId, members: Members) -> &mut RoomProgress {
        self.since.get_or_insert_with(Instant::now);
        let new = || RoomProgress::new(members);
        self.rooms.entry(room).or_insert_with(new)
    }

    /// Puts back what was not written; changes recorded since are newer.
    fn put_back_rooms(&mut self, rooms: HashMap<ChatRoomId, RoomProgress>) {
        for (room, older) in rooms {
            let newer = self.room(room, older.members);
            newer.head = match (newer.head, older.head) {
                (Some(newer), Some(older)) => Some(newer.later(older)),
                (newer, older) => newer.or(older),
            };
            newer.logged = newer.logged.max(older.logged);
            for (member, seq) in older.delivered {
                let cursor = newer.delivered.entry(member).or_default();
                *cursor = seq.max(*cursor);
            }
            let attempted = older.steps.into_iter().map(|group| ReadSteps {
                is_attempted: true,
                ..group
            });
            newer.steps.splice(..0, attempted);
        }
    }

    /// The same for presence.
    fn put_back_presence(&mut self, presence: HashMap<ChatUserId, PresenceChange>) {
        for (user, change) in presence {
            self.since.get_or_insert_with(Instant::now);
            if let Entry::Vacant(free) = self.presence.entry(user) {
                free.insert(change);
            }
        }
    }
}
