//! What happened, for the application: read from the log of events, in its order.

use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{Cursor, Gone, Operator};
use crate::config::EventType;
use crate::service::{Error, Occurred};
use crate::store::{Entry, Occurrence};

/// Entries read first: the one that the cursor stands in, and what is new as a rule.
const ENTRIES_FIRST: i64 = 3;
/// Entries read at once, unless the first ones say enough: 3 MB at most.
const ENTRIES_AT_ONCE: i64 = 20;
/// Things in the first entries that are enough: as many as a page contains at most.
const ENOUGH: usize = 500;
/// Entries looked at for one page: of a few kinds there may be few in many.
const MAX_ENTRIES: i64 = 200;
/// Readings that are remembered for others who waited for the same.
const MAX_SHARED: u64 = 8;
/// For how long.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// How often somebody who waits looks whether the server is going down.
const LOOK_UP: Duration = Duration::from_millis(250);

/// What those who wait at the same place of the log read when it gets longer: once for all
/// of them.
#[derive(Clone, Debug)]
pub(super) struct Shared(Cache<(Cursor, i64), Arc<Entries>>);

impl Default for Shared {
    fn default() -> Self {
        let entries = Cache::builder().max_capacity(MAX_SHARED);
        let entries = entries.eviction_policy(EvictionPolicy::lru());
        Self(entries.time_to_live(SHARED_FOR).build())
    }
}

/// From where on to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// What comes from now on.
    Head,
    /// All that there is.
    Oldest,
    /// What was written at a time or after it.
    Time(DateTime),
    /// What an earlier page did not contain.
    Cursor(Cursor),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// From where on.
    pub after: After,
    /// How many at most.
    pub limit: usize,
    /// Of which types.
    pub types: Vec<EventType>,
    /// Which part of how many, by what an event is about: from 0 on.
    pub part: (u16, u16),
    /// How long to wait for the first.
    pub wait: Duration,
}

/// What happened, in order.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// Each with what it is about, as it is now, and the cursor behind it.
    pub events: Vec<(Occurrence, Occurred, Cursor)>,
    /// What to ask for next.
    pub cursor: Cursor,
    /// Whether there is more already.
    pub has_more: bool,
}

/// Entries that follow on a cursor.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Without a gap. The first may be the one that the cursor stands in.
    pub all: Vec<Entry>,
    /// Whether there may be more already.
    pub has_more: bool,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// Events were missed.
    #[error("events were missed")]
    Gone(Gone),
    /// The same as with other calls.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Operator {
    /// Lists what happened. Waits for the first of it, if that is asked for.
    ///
    /// # Errors
    /// That events were missed, or failures.
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, EventsError> {
        let until = Instant::now() + query.wait;
        let mut newest = self.events.watch();
        let mut cursor = self.begin_at(query.after).await?;
        newest.mark_unchanged();
        // nobody else begins where this call does
        let mut reached = None;
        loop {
            let page = self.page(cursor, query, reached).await?;
            let is_over = Instant::now() >= until || self.context.is_draining();
            if page.has_more || !page.events.is_empty() || is_over {
                return Ok(page);
            }
            cursor = page.cursor;
            loop {
                let at_most = until.min(Instant::now() + LOOK_UP);
                if timeout_at(at_most, newest.changed()).await.is_ok() {
                    reached = Some(*newest.borrow_and_update());
                    break;
                }
                if Instant::now() >= until || self.context.is_draining() {
                    return Ok(page);
                }
            }
        }
    }

    /// Reads what occurrences are about, in their order; `None` for what is not there any more.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn occurred(&self, all: &[Occurrence]) -> Result<Vec<Option<Occurred>>, Error> {
        let all_at_once = self.context.messenger.occurred(all).await;
        if !matches!(all_at_once, Err(Error::Internal)) {
            return all_at_once;
        }
        // one of them cannot be read: the others are none the worse
        let mut found = Vec::with_capacity(all.len());
        let mut unreadable = 0;
        for one in all {
            let alone = std::slice::from_ref(one);
            match self.context.messenger.occurred(alone).await {
                Err(Error::Internal) => {
                    tracing::error!(event = one.id(), "an event cannot be read");
                    unreadable += 1;
                    found.push(None);
                }
                now => found.extend(now?),
            }
        }
        // if none can be, that is no fault of theirs
        if unreadable == all.len() {
            return Err(Error::Internal);
        }
        metrics::counter!("chatzz_push_lost_total")
            .increment(u64::try_from(unreadable).unwrap_or(u64::MAX));
        Ok(found)
    }

    /// The cursor behind everything that there is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn head(&self) -> Result<Cursor, Error> {
        let last = self.store.events.find_last().await;
        let last = last.map_err(|error| Error::of_read(&error))?;
        Ok(last.as_ref().map_or(Cursor::before(1), Cursor::behind))
    }

    /// The cursor before everything that there is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn oldest(&self) -> Result<Cursor, Error> {
        let first = self.store.events.find_first().await;
        let first = first.map_err(|error| Error::of_read(&error))?;
        Ok(Cursor::before(first.map_or(1, |first| first.id)))
    }

    /// Up to which entry the log is known here, for those who wait for the next.
    pub fn watch_log(&self) -> watch::Receiver<i64> {
        self.events.watch()
    }

    /// The entries that follow on a cursor, without a gap: some of them, and of a log whose
    /// entries contain much only a few.
    ///
    /// # Errors
    /// That there are none, or failures.
    pub async fn entries(&self, cursor: Cursor) -> Result<Entries, EventsError> {
        let of_read = |error| Error::of_read(&error);
        let log = &self.store.events;
        let from = cursor.entry();
        let mut all = log.list_from(from, ENTRIES_FIRST).await.map_err(of_read)?;
        cursor.check(&all).map_err(EventsError::Gone)?;
        let first = all.first().map_or(from, |first| first.id);
        let mut has_more = is_full(&all, ENTRIES_FIRST);
        let said: usize = all
            .iter()
            .map(|one| one.messages.len() + one.items.len())
            .sum();
        if has_more && said < ENOUGH {
            let left = ENTRIES_AT_ONCE - ENTRIES_FIRST;
            let rest = log.list_from(first + ENTRIES_FIRST, left).await;
            let rest = rest.map_err(of_read)?;
            has_more = is_full(&rest, left);
            all.extend(rest);
        }
        let whole = (first..).zip(&all).take_while(|(id, one)| one.id == *id);
        let whole = whole.count();
        has_more &= whole == all.len();
        all.truncate(whole);
        Ok(Entries { all, has_more })
    }

    /// The cursor that stands for a place.
    async fn begin_at(&self, after: After) -> Result<Cursor, EventsError> {
        let of_read = |error| Error::of_read(&error);
        let log = &self.store.events;
        match after {
            After::Cursor(cursor) => Ok(cursor),
            After::Head => Ok(self.head().await?),
            After::Oldest => Ok(self.oldest().await?),
            After::Time(time) => {
                let first = log.find_first().await.map_err(of_read)?;
                let last = log.find_last().await.map_err(of_read)?;
                let (Some(first), Some(last)) = (first, last) else {
                    return Ok(Cursor::before(1));
                };
                let before = log.find_last_before(time, first.id, last.id).await;
                match before.map_err(of_read)? {
                    Some(before) => Ok(Cursor::behind(&before)),
                    // what was written before it is not there any more
                    None if first.id > 1 => Err(EventsError::Gone(Gone::Old)),
                    None => Ok(Cursor::before(1)),
                }
            }
        }
    }

    /// The entries that follow on a cursor, for one of those who waited until the log had
    /// reached an entry.
    async fn entries_at(&self, cursor: Cursor, reached: i64) -> Result<Arc<Entries>, EventsError> {
        let reading = async { self.entries(cursor).await.map(Arc::new) };
        let read = self.shared.0.try_get_with((cursor, reached), reading).await;
        read.map_err(|error| EventsError::clone(&error))
    }

    async fn page(
        &self,
        cursor: Cursor,
        query: &EventQuery,
        reached: Option<i64>,
    ) -> Result<EventPage, EventsError> {
        let (mut wanted, mut cursors, mut next) = (Vec::new(), Vec::new(), cursor);
        let mut has_more = false;
        let most = cursor.entry().saturating_add(MAX_ENTRIES);
        'reading: while wanted.len() < query.limit && next.entry() < most {
            let entries = match reached {
                Some(reached) => self.entries_at(next, reached).await?,
                None => Arc::new(self.entries(next).await?),
            };
            for entry in &entries.all {
                for one in entry.occurrences() {
                    if !next.is_before(one.place) || !query.wants(&one) {
                        continue;
                    }
                    if wanted.len() == query.limit {
                        next = Cursor::within(entry, one.place.index);
                        has_more = true;
                        break 'reading;
                    }
                    // behind those before it, and the unwanted ones that followed them
                    next = Cursor::within(entry, one.place.index);
                    cursors.push(next);
                    wanted.push(one);
                }
                next = Cursor::behind(entry);
            }
            has_more = entries.has_more;
            if !has_more {
                break;
            }
        }
        let occurred = self.occurred(&wanted).await?;
        // an event's is where the next one begins
        let behind = cursors.into_iter().skip(1).chain([next]);
        let all = wanted.into_iter().zip(occurred).zip(behind);
        let events = all.filter_map(|((one, now), behind)| Some((one, now?, behind)));
        let events = events.filter(|(_, now, _)| query.types.contains(&now.event_type()));
        let events = events.collect();
        Ok(EventPage {
            events,
            cursor: next,
            has_more,
        })
    }
}

/// Whether as much was read as was asked for.
fn is_full(entries: &[Entry], limit: i64) -> bool {
    i64::try_from(entries.len()).is_ok_and(|read| read >= limit)
}

impl EventQuery {
    fn wants(&self, one: &Occurrence) -> bool {
        let (part, of) = self.part;
        let is_wanted = self.types.iter().any(|wanted| one.may_be(*wanted));
        is_wanted && one.subject().part(of) == part
    }
}
