//! The log of events: this server's part of it is written here, and the others' is read.
//!
//! One task does both, since each needs the other: an entry is written behind the last one
//! that was read, so that whoever writes position n has seen everything before it. That is
//! what keeps the messages of a chat room in order, whichever servers stored them: before a
//! message is written, all that is missing below it is, and what somebody else has written
//! meanwhile is left out.
//!
//! | the position is | what happens |
//! |---|---|
//! | free | the entry is there, and counts as read |
//! | taken | the entries from there on are read, and what is left is written behind them |
//! | unknown, as the answer was lost | it is written again: now it is taken, perhaps by itself |

mod fill;
mod trim;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::Members;
use crate::id::{ChatRoomId, Seq};
use crate::store::{Entry, Error, EventQueue, Pending, Store, WriteBehindQueue};

/// How often a turn is taken while other servers are there.
const TOGETHER: Duration = Duration::from_millis(25);
/// The same of one that is alone, or that sends the others hints: what is lost on the
/// bus takes as long as that.
const ALONE: Duration = Duration::from_millis(100);
/// How often one that is alone looks for what others wrote.
const LOOK_ALONE: Duration = Duration::from_secs(1);
/// The same of one that gets hints and has nothing to write: every second turn.
const LOOK_IN_TOUCH: Duration = Duration::from_millis(150);
/// How often it is looked whether what was read before own entries is still there.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// After this it is looked at the log before anything is written; far below the least time
/// that entries are kept.
const OUTRUN_AFTER: Duration = Duration::from_secs(10);
/// Entries read in one round trip: 15 MB at most.
const ENTRIES_AT_ONCE: i64 = 100;
/// Messages of one entry, 72 bytes each.
const MAX_MESSAGES: usize = 2_000;
/// Other things of one entry, about 150 bytes each.
const MAX_ITEMS: usize = 500;
/// Entries that wait to be announced before no more are read.
const MAX_UNHEARD: usize = 1_000;
/// Chat rooms whose place in the log is remembered.
const MAX_ROOMS: usize = 50_000;
/// Attempts to write what waits at the end.
const LAST_ATTEMPTS: u32 = 20;
/// How often a failure is written into the server's own log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What the log works with.
pub struct LogDeps {
    /// The database.
    pub store: Store,
    /// Where it is noted up to where chat rooms are in the log.
    pub write_behind: Arc<WriteBehindQueue>,
    /// What this server has to write.
    pub queue: Arc<EventQueue>,
    /// The time.
    pub clock: Clock,
    /// How long entries are kept.
    pub keep: Duration,
    /// Which other servers there are.
    pub company: Box<dyn Fn() -> Company + Send + Sync>,
    /// Resolves when a hint of another server was missed, so that the log is to
    /// be read now.
    pub missed: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    /// Called when what was read is not there any more, as after a restore: nobody can say
    /// what was missed, and the sockets have to log in anew.
    pub lost: Box<dyn Fn() + Send + Sync>,
}

/// Which other servers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// None.
    Nobody,
    /// Some that learn of everything by the log.
    Together,
    /// Some, all of which get hints by the bus.
    InTouch,
}

impl Company {
    /// How often a turn is taken.
    fn pause(self) -> Duration {
        match self {
            Self::Together => TOGETHER,
            Self::Nobody | Self::InTouch => ALONE,
        }
    }

    /// How often the log is read though nothing is to be written.
    fn looks_every(self) -> Duration {
        match self {
            Self::Together => Duration::ZERO,
            Self::InTouch => LOOK_IN_TOUCH,
            Self::Nobody => LOOK_ALONE,
        }
    }
}

/// The log, as far as it has been read.
pub struct Log {
    deps: LogDeps,
    last: Option<Place>,
    /// The last entry when it was last looked whether all that was read is still there.
    read_up_to: Option<Place>,
    checked: Instant,
    /// Up to where the log contains chat rooms: those that this server writes about, and
    /// those that it has read of. What is stored of that is written behind.
    rooms: HashMap<ChatRoomId, LoggedUpTo>,
    pending: Pending,
    /// The runs of this server.
    boots: HashSet<String>,
    /// Where the others' entries go.
    heard: mpsc::Sender<Entry>,
    looked: Instant,
    /// The same by the wall clock, in milliseconds since 1970.
    looked_at: i64,
    /// When it was last looked for old entries; at the start at once.
    trimmed: Option<Instant>,
    complained: Option<Instant>,
}

/// The last entry that was read.
#[derive(Clone, Debug)]
struct Place {
    id: i64,
    at: DateTime,
    boot: String,
}

/// Up to where a chat room is in the log.
#[derive(Clone, Copy, Debug)]
struct LoggedUpTo {
    /// `None` as long as this server has nothing to write about it.
    members: Option<Members>,
    seq: Seq,
    used: Instant,
}

impl Place {
    /// Whether an entry is this very one: a database that was restored has another one in
    /// its place.
    fn is(&self, entry: &Entry) -> bool {
        self.id == entry.id && self.at == entry.at && self.boot == entry.boot
    }
}

impl From<&Entry> for Place {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            boot: entry.boot.clone(),
        }
    }
}

impl Log {
    /// Begins behind the newest entry; returns where the others' later ones come out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open(deps: LogDeps) -> Result<(Self, mpsc::Receiver<Entry>), Error> {
        let last = deps.store.events.find_last().await?;
        let (heard, entries) = mpsc::channel(MAX_UNHEARD);
        let looked_at = deps.clock.now().timestamp_millis();
        let log = Self {
            deps,
            last: last.as_ref().map(Place::from),
            read_up_to: last.as_ref().map(Place::from),
            checked: Instant::now(),
            rooms: HashMap::new(),
            pending: Pending::default(),
            boots: HashSet::new(),
            heard,
            looked: Instant::now(),
            looked_at,
            trimmed: None,
            complained: None,
        };
        Ok((log, entries))
    }

    /// Writes and reads until cancelled, and then writes what waits.
    pub async fn run(mut self, cancelled: CancellationToken) {
        loop {
            let missed = tokio::select! {
                () = cancelled.cancelled() => break,
                () = tokio::time::sleep((self.deps.company)().pause()) => false,
                () = (self.deps.missed)() => {
                    // at a server with too much to do more is missed each moment
                    tokio::time::sleep(TOGETHER).await;
                    true
                }
            };
            if let Err(error) = self.turn(missed).await {
                self.complain(&error);
            }
        }
        for _ in 0..LAST_ATTEMPTS {
            self.gather();
            match self.write().await {
                Ok(()) if self.pending.is_empty() => return,
                Ok(()) => {}
                Err(error) => self.complain(&error),
            }
            tokio::time::sleep(TOGETHER).await;
        }
    }

    fn complain(&mut self, error: &Error) {
        if self
            .complained
            .is_none_or(|at| at.elapsed() > COMPLAIN_EVERY)
        {
            self.complained = Some(Instant::now());
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the log of events waits");
        }
    }

    async fn turn(&mut self, missed: bool) -> Result<(), Error> {
        self.gather();
        let company = (self.deps.company)();
        // others have probably written since, and what is written then would be refused
        let is_behind = company != Company::Nobody && !self.pending.is_empty();
        if missed || is_behind || self.looked.elapsed() >= company.looks_every() {
            self.read().await?;
        }
        self.write().await?;
        self.trim().await
    }

    /// Takes what there is to write.
    fn gather(&mut self) {
        self.pending.merge(self.deps.queue.take());
    }

    /// Writes what waits, unless somebody else's entries come in between again and again.
    async fn write(&mut self) -> Result<(), Error> {
        if !self.pending.is_empty() && self.may_be_outrun() {
            self.read().await?;
        }
        while !self.pending.is_empty() {
            let Some(entry) = self.next_entry().await? else {
                break;
            };
            let written = self.deps.store.events.append(&entry).await?;
            if written && !self.may_be_outrun() {
                self.take_in(entry).await;
            } else if !self.read().await? {
                // it is not on a majority yet
                return Ok(());
            }
        }
        if self.pending.is_empty() {
            self.pending.done();
        }
        Ok(())
    }

    /// Whether it was looked at the log so long ago that the position behind the last known
    /// entry may be free because it was removed again. By the wall clock: a frozen machine
    /// has no other.
    fn may_be_outrun(&self) -> bool {
        let now = self.deps.clock.now().timestamp_millis();
        now.abs_diff(self.looked_at) > OUTRUN_AFTER.as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// The next entry that this server has to write, if it has anything to write.
    async fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        let messages = self.complete().await?;
        let items = self.pending.items.iter().take(MAX_ITEMS).cloned();
        let items: Vec<_> = items.collect();
        if messages.is_empty() && items.is_empty() {
            return Ok(None);
        }
        let boot = self.deps.write_behind.boot().to_string();
        self.boots.insert(boot.clone());
        Ok(Some(Entry {
            id: self.last.as_ref().map_or(1, |last| last.id + 1),
            at: self.deps.clock.now(),
            boot,
            messages,
            items,
            is_damaged: false,
        }))
    }

    /// Reads what is new; whether there was anything.
    async fn read(&mut self) -> Result<bool, Error> {
        let mut any = false;
        loop {
            let from = self.last.as_ref().map_or(1, |last| last.id);
            let is_checked = self.checks_now();
            let events = &self.deps.store.events;
            let mut entries = events.list_from(from, ENTRIES_AT_ONCE).await?;
            let is_full = entries.len() >= usize::try_from(ENTRIES_AT_ONCE).unwrap_or_default();
            if let Some(last) = &self.last {
                let is_there = entries.first().is_some_and(|first| last.is(first));
                if !is_there || (is_checked && !self.is_still_there().await?) {
                    self.begin_anew().await?;
                    return Ok(true);
                }
                entries.remove(0);
            }
            for entry in entries {
                let expected = self.last.as_ref().map_or(1, |last| last.id + 1);
                if entry.id != expected {
                    self.begin_anew().await?;
                    return Ok(true);
                }
                self.take_in(entry).await;
                any = true;
            }
            if is_checked {
                self.read_up_to.clone_from(&self.last);
                self.checked = Instant::now();
            }
            if !is_full {
                self.looked = Instant::now();
                self.looked_at = self.deps.clock.now().timestamp_millis();
                return Ok(any);
            }
        }
    }

    /// Whether it is looked now if what was read is still there: it costs nothing while the
    /// last entry is the one that it was then.
    fn checks_now(&self) -> bool {
        let id_of = |place: &Option<Place>| place.as_ref().map(|place| place.id);
        id_of(&self.read_up_to) == id_of(&self.last) || self.checked.elapsed() >= CHECK_EVERY
    }

    /// Whether what was read then is still there: an own entry may have been written behind
    /// one that was removed since.
    async fn is_still_there(&self) -> Result<bool, Error> {
        // of a log that was empty the first entry is this server's own
        let from = self.read_up_to.as_ref().map_or(1, |read| read.id);
        if self.last.as_ref().is_none_or(|last| last.id == from) {
            return Ok(true);
        }
        let found = self.deps.store.events.list_from(from, 1).await?;
        Ok(found.first().is_some_and(|found| match &self.read_up_to {
            Some(read) => read.is(found),
            None => found.id == from && self.boots.contains(&found.boot),
        }))
    }

    /// What was read is not there any more.
    async fn begin_anew(&mut self) -> Result<(), Error> {
        let last = self.deps.store.events.find_last().await?;
        tracing::error!(
            before = self.last.as_ref().map(|last| last.id),
            now = last.as_ref().map(|last| last.id),
            "the log of events is another one: was the database restored? Sockets log in anew"
        );
        self.last = last.as_ref().map(Place::from);
        self.read_up_to.clone_from(&self.last);
        self.lose();
        Ok(())
    }

    /// Nobody can say what was missed: the sockets log in anew.
    fn lose(&mut self) {
        metrics::counter!("chatzz_event_log_lost_total").increment(1);
        self.rooms.clear();
        (self.deps.lost)();
    }

    /// An entry is in the log, and everything before it is known.
    async fn take_in(&mut self, entry: Entry) {
        if entry.is_damaged {
            tracing::error!(
                entry = entry.id,
                "an entry of the log of events cannot be read"
            );
            self.lose();
        }
        let now = Instant::now();
        for message in &entry.messages {
            let room = self.rooms.entry(message.room).or_insert(LoggedUpTo {
                members: None,
                seq: message.seq,
                used: now,
            });
            room.seq = room.seq.max(message.seq);
            room.used = now;
        }
        self.forget_idle();
        self.last = Some(Place::from(&entry));
        self.deps.queue.reached(entry.id);
        if self.boots.contains(&entry.boot) {
            let written: HashSet<i64> = entry.items.iter().map(|item| item.number).collect();
            let items = &mut self.pending.items;
            items.retain(|item| !written.contains(&item.number));
            let rooms: HashSet<ChatRoomId> = entry.messages.iter().map(|one| one.room).collect();
            let logged = rooms.iter().filter_map(|id| {
                let room = self.rooms.get(id)?;
                Some((*id, room.members?, room.seq))
            });
            self.deps.write_behind.logged(logged);
            // what a dead server left behind is news here, too
            let others = entry.messages.iter();
            let others = others.filter(|one| !one.id.is_of_this_process());
            let others: Vec<_> = others.copied().collect();
            let mut items = entry.items;
            items.retain(|item| item.event.is_left_behind());
            if !others.is_empty() || !items.is_empty() {
                let entry = Entry {
                    messages: others,
                    items,
                    ..entry
                };
                let _ = self.heard.send(entry).await;
            }
        } else {
            self.record_lag(&entry);
            // the receiver is gone only when the server goes
            let _ = self.heard.send(entry).await;
        }
        self.settle();
    }

    /// Forgets what is in the log, and of what others stored what is theirs to write.
    fn settle(&mut self) {
        let rooms = &self.rooms;
        self.pending.rooms.retain(|id, pending| {
            let logged = rooms.get(id).map_or(0, |room| room.seq);
            pending.known = pending.known.split_off(&(logged + 1));
            pending.own > logged
        });
    }

    /// How long it took from when a message was stored until this server read of it.
    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    fn record_lag(&self, entry: &Entry) {
        let began = entry
            .messages
            .first()
            .map_or(entry.at, |one| one.created_at);
        let lag = self.deps.clock.now().timestamp_millis() - began.timestamp_millis();
        metrics::histogram!("chatzz_event_log_lag_seconds").record(lag.max(0) as f64 / 1_000.0);
        let waiting = self.heard.max_capacity() - self.heard.capacity();
        metrics::gauge!("chatzz_event_log_waiting").set(waiting as f64);
    }
}
