//! Pushing, while the lease is held.

use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::aside::Aside;
use super::receiver::Failure;
use super::window::{Ending, Run, Window};
use super::{Pusher, Receiver};
use crate::operator::{Cursor, EventsError};
use crate::service::Error;
use crate::store::{Held, Letter, Occurrence, Pushed, Subject};
use crate::wire::event::Event;
use crate::wire::{Json, rendered};

/// Requests at a time.
const MAX_REQUESTS: usize = 16;
/// Events that are read with what they are about before there is a place for their requests.
const MAX_LEAVING: usize = 64;
/// Events that wait at most, about 200 bytes each; then the log waits.
const MAX_WAITING: usize = 10_000;
/// How often it is noted how far the pushing is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long requests are waited for when the server stops.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// Pushing, while the lease is held.
pub(super) struct Holding<'a> {
    pusher: &'a Pusher,
    /// Up to where the log was read.
    read: Cursor,
    has_more: bool,
    window: Window,
    aside: Aside,
    runs: JoinSet<Ended>,
    places: Arc<Semaphore>,
    /// What was noted last.
    noted: Option<Pushed>,
    retries: i64,
    /// Nothing is begun after this: by then another server may push.
    good_until: Instant,
    was_down: bool,
}

/// How a run ended.
struct Ended {
    subject: Subject,
    /// How many of its first events were taken.
    taken: usize,
    /// Why the next one was not.
    failure: Option<Failure>,
    /// The letters, if it was one of letters.
    letters: Option<Vec<Letter>>,
}

fn of_write(error: &crate::store::Error) -> Error {
    Error::of_write(error)
}

impl<'a> Holding<'a> {
    /// Begins where whoever pushed before was.
    pub(super) async fn begin(pusher: &'a Pusher, held: Held) -> Result<Self, Error> {
        let good_until = Self::good_from(pusher, Instant::now());
        let read = match held.pushed {
            Some(Pushed { entry, at }) => Cursor::behind_entry(entry, at),
            // with what comes from now on
            None => pusher.operator.head().await?,
        };
        let aside = Aside::load(pusher).await?;
        let mut holding = Self {
            pusher,
            read,
            has_more: true,
            window: Window::new(held.pushed.or(Some(read.pushed()))),
            aside,
            runs: JoinSet::new(),
            places: Arc::new(Semaphore::new(MAX_REQUESTS)),
            noted: held.pushed,
            retries: held.retries,
            good_until,
            was_down: false,
        };
        holding.note().await?;
        Ok(holding)
    }

    /// Until when a lease that was asked for at a time may be relied on.
    fn good_from(pusher: &Pusher, asked: Instant) -> Instant {
        asked + pusher.pushes.lease() * 2 / 3
    }

    /// Pushes until the lease is lost, or cancelled.
    pub(super) async fn push(mut self, cancelled: &CancellationToken) -> Result<(), Error> {
        let mut newest = self.pusher.operator.watch_log();
        let mut notes = tokio::time::interval(NOTE_EVERY.min(self.pusher.pushes.lease() / 3));
        notes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.read().await?;
            self.start().await?;
            let rests_until = self.pusher.receiver.rests_until();
            let wakes_at = [self.window.wakes_at(), self.aside.wakes_at(), rests_until];
            // what is due and cannot be begun waits for something that ends, or for the lease
            let now = Instant::now();
            let wakes_at = wakes_at.into_iter().flatten().filter(|at| *at > now).min();
            let wakes_at = wakes_at.unwrap_or(now + NOTE_EVERY);
            tokio::select! {
                () = cancelled.cancelled() => break,
                Some(ended) = self.runs.join_next() => {
                    self.settle(ended.map_err(|_| Error::Internal)?).await?;
                }
                () = tokio::time::sleep_until(wakes_at) => {}
                () = std::future::ready(()), if self.may_read() => {}
                _ = notes.tick() => {
                    if !self.note().await? {
                        tracing::warn!("another server pushes events now");
                        return Ok(());
                    }
                }
                changed = newest.changed() => {
                    self.has_more |= changed.is_ok();
                }
            }
        }
        let rest = async {
            while let Some(ended) = self.runs.join_next().await {
                self.settle(ended.map_err(|_| Error::Internal)?).await?;
            }
            Ok::<(), Error>(())
        };
        timeout(LAST_REQUESTS, rest).await.unwrap_or(Ok(()))?;
        self.note().await?;
        let released = self.pusher.pushes.release(&self.pusher.boot).await;
        released.map_err(|error| of_write(&error))
    }

    /// Whether there is more of the log, and room for it.
    fn may_read(&self) -> bool {
        self.has_more && self.window.len() < MAX_WAITING && self.aside.has_room()
    }

    /// Reads some more of the log, if there is more and room for it: not all at once, since
    /// the lease has to be kept meanwhile.
    async fn read(&mut self) -> Result<(), Error> {
        if self.may_read() {
            let entries = match self.pusher.operator.entries(self.read).await {
                Ok(entries) => entries.all,
                Err(EventsError::Failed(error)) => return Err(error),
                Err(EventsError::Gone(_)) => {
                    tracing::error!(
                        "the log of events is another one, or events were removed before they \
                         were pushed; pushing begins with the oldest that is there"
                    );
                    metrics::counter!("chatzz_push_lost_total").increment(1);
                    self.read = self.pusher.operator.oldest().await?;
                    return Ok(());
                }
            };
            let mut is_news = false;
            for entry in &entries {
                let next = Cursor::behind(entry);
                let events = entry.occurrences().into_iter();
                let events = events.filter(|one| self.read.is_before(one.place));
                let wanted = |one: &Occurrence| {
                    let mut types = self.pusher.types.iter();
                    types.any(|wanted| one.may_be(*wanted))
                };
                let events: Vec<Occurrence> = events.filter(wanted).collect();
                if next == self.read {
                    continue;
                }
                is_news = true;
                let (aside, events): (Vec<_>, Vec<_>) = events.into_iter().partition(|one| {
                    let subject = one.subject();
                    self.aside.contains(subject) && !self.window.contains(subject)
                });
                self.aside
                    .add(self.pusher, aside, "it waits behind another one")
                    .await?;
                let (entry, at) = (entry.id, entry.at);
                self.window.add(Pushed { entry, at }, events);
                self.read = next;
            }
            self.has_more = is_news;
        }
        Ok(())
    }

    /// Begins what may be pushed now.
    async fn start(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if now >= self.good_until || self.pusher.receiver.rests_until().is_some() {
            return Ok(());
        }
        let mut runs = Vec::new();
        while self.window.leaving() < MAX_LEAVING {
            let Some(run) = self.window.next(now) else {
                break;
            };
            runs.push((run, None));
        }
        if !self.window.is_down() {
            for (subject, letters) in self.aside.due(self.pusher).await? {
                let events = letters.iter().map(|letter| letter.occurrence.clone());
                let events = events.collect();
                runs.push((Run { subject, events }, Some(letters)));
            }
        }
        if runs.is_empty() {
            return Ok(());
        }
        let all = runs.iter().flat_map(|(run, _)| run.events.iter().cloned());
        let all: Vec<Occurrence> = all.collect();
        let occurred = self.pusher.operator.occurred(&all).await?;
        let bodies = all.iter().zip(&occurred).map(|(one, now)| {
            // what is not there any more, or not wanted, counts as taken
            let now = now.as_ref()?;
            let is_wanted = self.pusher.types.contains(&now.event_type());
            is_wanted.then(|| (one.id(), rendered(&Event::new(one, now, None))))
        });
        let mut bodies: Vec<Option<(String, Json)>> = bodies.collect();
        for (run, letters) in runs {
            let rest = bodies.split_off(run.events.len().min(bodies.len()));
            let bodies = std::mem::replace(&mut bodies, rest);
            let receiver = Arc::clone(&self.pusher.receiver);
            let (places, good_until) = (Arc::clone(&self.places), self.good_until);
            self.runs.spawn(async move {
                // never closed
                let _place = places.acquire().await;
                let (taken, failure) = post(&receiver, bodies, good_until).await;
                Ended {
                    subject: run.subject,
                    taken,
                    failure,
                    letters,
                }
            });
        }
        Ok(())
    }

    /// Notes what became of a run.
    async fn settle(&mut self, ended: Ended) -> Result<(), Error> {
        let now = Instant::now();
        let Ended {
            subject,
            taken,
            failure,
            letters,
        } = ended;
        let ending = match &failure {
            None => Ending::Well,
            Some(failure) if failure.is_put_off => Ending::PutOff,
            Some(_) => Ending::Failed,
        };
        if let Some(letters) = letters {
            return self
                .aside
                .tried(self.pusher, subject, letters, taken, failure)
                .await;
        }
        let failure = failure.map(|failure| failure.reason);
        let may_set_aside = self.aside.has_room();
        let aside = self
            .window
            .pushed(subject, taken, ending, now, may_set_aside);
        if !aside.is_empty() {
            let reason = failure.as_deref().unwrap_or_default();
            let set_aside = aside.len();
            tracing::warn!(%subject, set_aside, reason, "events are set aside");
            self.aside.add(self.pusher, aside.clone(), reason).await?;
            self.window.finish(&aside);
        }
        let is_down = self.window.is_down();
        if is_down != self.was_down {
            self.was_down = is_down;
            if is_down {
                let reason = failure.as_deref().unwrap_or_default();
                tracing::warn!(reason, "no event is taken; they wait in the log");
            } else {
                tracing::info!("events are taken again");
            }
        }
        Ok(())
    }

    /// Keeps the lease, and notes how far the pushing is; `false` when it is lost.
    async fn note(&mut self) -> Result<bool, Error> {
        self.report();
        let asked = Instant::now();
        let done = self.window.done().filter(|done| Some(*done) != self.noted);
        let renewed = self.pusher.pushes.renew(&self.pusher.boot, done).await;
        let Some(held) = renewed.map_err(|error| of_write(&error))? else {
            return Ok(false);
        };
        self.good_until = Self::good_from(self.pusher, asked);
        self.noted = done.or(self.noted);
        if held.retries != self.retries {
            self.retries = held.retries;
            self.aside.reload(self.pusher).await?;
        }
        Ok(true)
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    fn report(&self) {
        let now = self.pusher.clock.now().timestamp_millis();
        let since = |oldest: DateTime| now.saturating_sub(oldest.timestamp_millis());
        let lag = self.window.oldest().map_or(0, since).max(0);
        metrics::gauge!("chatzz_push_lag_seconds").set(lag as f64 / 1_000.0);
        self.aside.report();
    }
}

/// Posts events one after another, up to the first that is not taken; how many were, and why
/// the next was not.
async fn post(
    receiver: &Receiver,
    bodies: Vec<Option<(String, Json)>>,
    good_until: Instant,
) -> (usize, Option<Failure>) {
    let mut taken = 0;
    for body in bodies {
        if let Some((id, body)) = body {
            if Instant::now() >= good_until || receiver.rests_until().is_some() {
                return (taken, None);
            }
            let posted = receiver.post(&id, &body).await;
            let result = if posted.is_ok() { "ok" } else { "failed" };
            metrics::counter!("chatzz_push_total", "result" => result).increment(1);
            if let Err(error) = posted {
                return (taken, Some(error));
            }
        }
        taken += 1;
    }
    (taken, None)
}
