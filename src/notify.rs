//! Notification intents: who is to be notified of messages that none of their devices
//! confirmed, and of whom that is withdrawn. Both are entries of the log of events, so that
//! they are pulled and pushed like everything else.
//!
//! One server does it, the one that has the lease. It reads the log, waits with each message,
//! and then looks at the cursors of its receiver. Whoever takes over begins with the oldest
//! message that was waited with: an intent may be written twice, under the same id.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::Status;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::operator::{Cursor, EventsError, Operator};
use crate::service::Error;
use crate::store::chat_rooms::NotifiedRoom;
use crate::store::{Entry, Event, EventQueue, Held, Pushed, Pushes, Store};

/// How long the confirmation of a device may take to be stored, which is written behind: a
/// message is looked at so much later.
const STORED_WITHIN: Duration = Duration::from_millis(500);
/// How often messages are looked at whose time has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is noted how far this is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Receivers that are waited with at most, about 100 bytes each; then the log waits.
const MAX_WAITING: usize = 50_000;
/// Chat rooms looked at in one round trip.
const ROOMS_AT_ONCE: usize = 500;
/// People whose chat rooms are looked at in one round trip.
const PEOPLE_AT_ONCE: usize = 50;
/// How long an intent may take to be in the log.
const LOGGED_WITHIN: Duration = Duration::from_secs(5);

/// Whom a message is for, and where.
type Whom = (ChatRoomId, ChatUserId);

/// Writes notification intents while this server has the lease.
pub(crate) struct Notifier {
    operator: Operator,
    store: Store,
    events: Arc<EventQueue>,
    lease: Pushes,
    clock: Clock,
    /// How long a message may be unconfirmed.
    after: Duration,
    boot: String,
}

/// Messages to somebody that are waited with.
#[derive(Clone, Copy, Debug)]
struct Waits {
    /// When the first of them is looked at, in milliseconds since 1970.
    due: i64,
    /// The entry of the first of them.
    entry: i64,
    /// Position of the first of them.
    first: Seq,
    /// Position of the last of them.
    up_to: Seq,
    /// When the last of them is to be looked at.
    last_due: i64,
    /// The entry of the last of them.
    last_entry: i64,
}

/// What is waited with, while the lease is held.
struct Holding {
    read: Cursor,
    waiting: HashMap<Whom, Waits>,
    /// Those of them by their time.
    by_time: BTreeSet<(i64, Whom)>,
    /// Who has read since something.
    readers: HashSet<Whom>,
    /// Up to where the log says that somebody is to be notified, and not that it is withdrawn:
    /// whoever wrote that may have died before it was noted in the chat room.
    dues: HashMap<Whom, Seq>,
    /// Who was at a server that is gone: the log may lack that they have read.
    left_behind: HashSet<ChatUserId>,
    noted: Option<Pushed>,
}

impl Notifier {
    pub(crate) fn new(
        after: Duration,
        operator: Operator,
        store: Store,
        events: Arc<EventQueue>,
    ) -> Self {
        Self {
            clock: operator.clock().clone(),
            lease: store.notifying(),
            operator,
            store,
            events,
            after,
            boot: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Writes intents whenever it has the lease, until cancelled.
    pub(crate) async fn run(self: Box<Self>, cancelled: CancellationToken) {
        let pause = self.lease.lease() / 3;
        while !cancelled.is_cancelled() {
            if let Err(error) = self.hold(&cancelled).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "notification intents wait");
            }
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn hold(&self, cancelled: &CancellationToken) -> Result<(), Error> {
        let of_write = |error| Error::of_write(&error);
        let taken = self.lease.take(&self.boot).await.map_err(of_write)?;
        let Some(held) = taken else {
            return Ok(());
        };
        let mut holding = self.begin(held).await?;
        let mut newest = self.operator.watch_log();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut notes = tokio::time::interval(NOTE_EVERY.min(self.lease.lease() / 3));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        notes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancelled.cancelled() => break,
                _ = newest.changed() => {}
                _ = looks.tick() => self.look(&mut holding).await?,
                _ = notes.tick() => {
                    let done = holding.done();
                    let news = Some(done).filter(|done| Some(*done) != holding.noted);
                    let kept = self.lease.renew(&self.boot, news).await.map_err(of_write)?;
                    if kept.is_none() {
                        return Ok(());
                    }
                    holding.noted = Some(done);
                }
            }
            self.read(&mut holding).await?;
        }
        let done = Some(holding.done());
        self.lease.renew(&self.boot, done).await.map_err(of_write)?;
        self.lease.release(&self.boot).await.map_err(of_write)
    }

    async fn begin(&self, held: Held) -> Result<Holding, Error> {
        let read = match held.pushed {
            Some(Pushed { entry, at }) => Cursor::behind_entry(entry, at),
            None => self.operator.head().await?,
        };
        Ok(Holding {
            read,
            waiting: HashMap::new(),
            by_time: BTreeSet::new(),
            readers: HashSet::new(),
            dues: HashMap::new(),
            left_behind: HashSet::new(),
            noted: held.pushed,
        })
    }

    /// Reads what is new in the log, and withdraws what was read.
    async fn read(&self, holding: &mut Holding) -> Result<(), Error> {
        while holding.waiting.len() < MAX_WAITING {
            let entries = match self.operator.entries(holding.read).await {
                Ok(entries) => entries,
                Err(EventsError::Failed(error)) => return Err(error),
                // of what is gone nobody is to be notified any more
                Err(EventsError::Gone(_)) => {
                    holding.read = self.operator.oldest().await?;
                    continue;
                }
            };
            let mut is_news = false;
            for entry in &entries.all {
                let next = Cursor::behind(entry);
                if next != holding.read {
                    is_news = true;
                    holding.add(entry, self.after.saturating_add(STORED_WITHIN));
                    holding.read = next;
                }
            }
            if !is_news {
                break;
            }
        }
        self.withdraw(holding).await
    }

    /// Withdraws what was read, and notes what is due and was not noted.
    async fn withdraw(&self, holding: &mut Holding) -> Result<(), Error> {
        let dues = std::mem::take(&mut holding.dues);
        let mut whom = std::mem::take(&mut holding.readers);
        whom.extend(dues.keys());
        whom.extend(
            self.notified_of(holding.left_behind.drain().collect())
                .await?,
        );
        let whom: Vec<Whom> = whom.into_iter().collect();
        let (mut withdrawn, mut unnoted) = (Vec::new(), Vec::new());
        for (document, who) in self.rooms_of(&whom).await? {
            let (room, noted) = (document.room.id, document.notified(who));
            let due = dues.get(&(room, who)).copied().unwrap_or_default();
            let up_to = due.max(noted);
            if up_to > 0 && document.room.cursors(who).read.seq >= up_to {
                let user = who;
                let event = Event::NotificationWithdrawn { room, user, up_to };
                self.events.happened(event);
                withdrawn.push((room, who, up_to));
            } else if due > noted {
                unnoted.push((room, who, due));
            }
        }
        for (room, who, up_to) in unnoted {
            let set = self.store.chat_rooms.set_notified(room, who, up_to).await;
            set.map_err(|error| Error::of_write(&error))?;
        }
        self.logged(!withdrawn.is_empty()).await?;
        for (room, who, up_to) in withdrawn {
            let unset = self.store.chat_rooms.unset_notified(room, who, up_to).await;
            unset.map_err(|error| Error::of_write(&error))?;
        }
        Ok(())
    }

    /// Looks at the messages whose time has come.
    async fn look(&self, holding: &mut Holding) -> Result<(), Error> {
        let due = holding.due(self.clock.now());
        let whom: Vec<Whom> = due.keys().copied().collect();
        let (mut notified, mut again) = (Vec::new(), Vec::new());
        for (document, who) in self.rooms_of(&whom).await? {
            let room = document.room.id;
            let Some(waits) = due.get(&(room, who)).copied() else {
                continue;
            };
            let up_to = waits.up_to;
            let cursors = document.room.cursors(who);
            let confirmed = cursors.delivered.max(cursors.read.seq);
            if confirmed >= waits.first {
                // the last of them had less time yet
                again.extend((confirmed < up_to).then_some(((room, who), waits)));
                continue;
            }
            if document.notified(who) <= cursors.read.seq {
                let user = who;
                let event = Event::NotificationDue { room, user, up_to };
                self.events.happened(event);
                notified.push((room, who, up_to));
            }
        }
        // first: should this server die half-way, the next one writes the same again
        self.logged(!notified.is_empty()).await?;
        for (room, who, up_to) in notified {
            let set = self.store.chat_rooms.set_notified(room, who, up_to).await;
            set.map_err(|error| Error::of_write(&error))?;
        }
        holding.forget(&due);
        for (whom, waits) in again {
            let last = Waits {
                due: waits.last_due,
                entry: waits.last_entry,
                first: waits.up_to,
                ..waits
            };
            holding.by_time.insert((last.due, whom));
            holding.waiting.insert(whom, last);
        }
        Ok(())
    }

    /// Waits until what was just written is in the log.
    async fn logged(&self, is_any: bool) -> Result<(), Error> {
        if !is_any {
            return Ok(());
        }
        match timeout(LOGGED_WITHIN, self.events.written()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::UnknownOutcome),
        }
    }

    /// Where these people were notified.
    async fn notified_of(&self, people: Vec<ChatUserId>) -> Result<Vec<Whom>, Error> {
        let mut found = Vec::new();
        for some in people.chunks(PEOPLE_AT_ONCE) {
            let rooms = self.store.chat_rooms.list_notified_of(some).await;
            for room in rooms.map_err(|error| Error::of_read(&error))? {
                let members = room.room.members.ids().into_iter();
                let members = members.filter(|who| some.contains(who) && room.notified(*who) > 0);
                found.extend(members.map(|who| (room.room.id, who)));
            }
        }
        Ok(found)
    }

    /// The chat rooms, each with whom it is about.
    async fn rooms_of(&self, whom: &[Whom]) -> Result<Vec<(NotifiedRoom, ChatUserId)>, Error> {
        let mut found = Vec::new();
        for some in whom.chunks(ROOMS_AT_ONCE) {
            let rooms: HashSet<ChatRoomId> = some.iter().map(|(room, _)| *room).collect();
            let rooms: Vec<ChatRoomId> = rooms.into_iter().collect();
            let rooms = self.store.chat_rooms.list_notified(&rooms).await;
            let rooms = rooms.map_err(|error| Error::of_read(&error))?.into_iter();
            let rooms: HashMap<ChatRoomId, NotifiedRoom> =
                rooms.map(|room| (room.room.id, room)).collect();
            let pairs = some.iter();
            found.extend(pairs.filter_map(|(room, who)| Some((rooms.get(room)?.clone(), *who))));
        }
        Ok(found)
    }
}

impl Holding {
    /// Takes in an entry of the log.
    fn add(&mut self, entry: &Entry, after: Duration) {
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        for message in &entry.messages {
            if message.to == ChatUserId::NOBODY {
                continue;
            }
            let whom = (message.room, message.to);
            let due = message.created_at.timestamp_millis().saturating_add(after);
            let waits = self.waiting.entry(whom).or_insert_with(|| {
                self.by_time.insert((due, whom));
                Waits {
                    due,
                    entry: entry.id,
                    first: message.seq,
                    up_to: message.seq,
                    last_due: due,
                    last_entry: entry.id,
                }
            });
            if message.seq > waits.up_to {
                (waits.up_to, waits.last_due, waits.last_entry) = (message.seq, due, entry.id);
            }
        }
        for item in &entry.items {
            match &item.event {
                Event::Advanced {
                    room,
                    reader,
                    status: Status::Read,
                    ..
                } => {
                    self.readers.insert((*room, *reader));
                }
                Event::NotificationDue { room, user, up_to } => {
                    self.dues.insert((*room, *user), *up_to);
                }
                Event::NotificationWithdrawn { room, user, up_to } => {
                    let whom = (*room, *user);
                    if self.dues.get(&whom).is_some_and(|due| due <= up_to) {
                        self.dues.remove(&whom);
                    }
                }
                Event::Presence {
                    people,
                    left_behind: true,
                } => self.left_behind.extend(people),
                _ => {}
            }
        }
    }

    /// What is to be looked at by now.
    fn due(&self, now: DateTime) -> HashMap<Whom, Waits> {
        let due = self.by_time.iter();
        let due = due.take_while(|(at, _)| *at <= now.timestamp_millis());
        due.filter_map(|(_, whom)| Some((*whom, *self.waiting.get(whom)?)))
            .collect()
    }

    fn forget(&mut self, due: &HashMap<Whom, Waits>) {
        for (whom, waits) in due {
            self.by_time.remove(&(waits.due, *whom));
            self.waiting.remove(whom);
        }
    }

    /// Up to where nothing is waited with.
    fn done(&self) -> Pushed {
        let read = self.read.pushed();
        let oldest = self.waiting.values().map(|waits| waits.entry - 1).min();
        match oldest.filter(|oldest| *oldest < read.entry) {
            // when that was written is not known here
            Some(entry) => Pushed {
                entry,
                at: DateTime::MIN,
            },
            None => read,
        }
    }
}
