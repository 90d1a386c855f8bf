//! Letters: events that were set aside, those of each chat room in order.

use std::collections::HashMap;
use std::time::Duration;

use bson::DateTime;
use tokio::time::Instant;

use super::Pusher;
use super::receiver::Failure;
use super::window::{MAX_PUT_OFF, pause};
use crate::service::Error;
use crate::store::{Letter, Occurrence, Subject};

/// Letters that wait at most; then the log waits until the oldest of them are taken or given up.
const MAX_LETTERS: usize = 10_000;
/// Letters about one subject that are tried in a row.
const AT_ONCE: i64 = 16;
/// Subjects whose letters are tried at a time.
const SUBJECTS_AT_ONCE: usize = 8;
/// Letters read in one round trip.
const READ_AT_ONCE: i64 = 1_000;
/// The pause before a letter is tried first, which doubles with each failure: short, so that
/// a chat room whose events fail now and then gets ahead.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How long a letter is tried.
const TRIED_FOR: Duration = Duration::from_hours(72);
/// How often one is tried before it is given up for want of room: for about a quarter of an hour.
const TRIED_AT_LEAST: i64 = 12;
/// How long one that is dead is kept.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// About what there are letters that are to be tried.
pub(super) struct Aside {
    /// When they are tried next; `None` while they are.
    subjects: HashMap<Subject, Option<Instant>>,
    waiting: usize,
    dead: usize,
}

fn of_read(error: &crate::store::Error) -> Error {
    Error::of_read(error)
}

fn of_write(error: &crate::store::Error) -> Error {
    Error::of_write(error)
}

/// When a date is, by the clock that only goes on.
fn instant_of(date: DateTime, now: DateTime) -> Instant {
    let left = date.timestamp_millis() - now.timestamp_millis();
    Instant::now() + Duration::from_millis(u64::try_from(left).unwrap_or_default())
}

fn after(now: DateTime, pause: Duration) -> DateTime {
    let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_millis(now.timestamp_millis().saturating_add(pause))
}

/// How many of the first letters about something are due. One that was refused rests, also
/// when what came before it has been taken: tried before its time again and again, it would
/// soon rest for an hour.
fn how_many_are_due(letters: &[Letter], now: DateTime) -> usize {
    let due = letters.iter().take_while(|letter| letter.next_at <= now);
    due.count()
}

/// About what letters are tried now: whoever has waited longest is first, or some would
/// never have their turn.
fn whose_turn(
    subjects: &HashMap<Subject, Option<Instant>>,
    now: Instant,
    places: usize,
) -> Vec<Subject> {
    let waiting = subjects.iter();
    let waiting = waiting.filter_map(|(subject, next)| Some(((*next)?, *subject)));
    let mut due: Vec<(Instant, Subject)> = waiting.filter(|(next, _)| *next <= now).collect();
    due.sort_unstable();
    due.truncate(places);
    due.into_iter().map(|(_, subject)| subject).collect()
}

impl Aside {
    /// Reads which letters there are.
    pub(super) async fn load(pusher: &Pusher) -> Result<Self, Error> {
        let mut aside = Self {
            subjects: HashMap::new(),
            waiting: 0,
            dead: 0,
        };
        aside.reload(pusher).await?;
        Ok(aside)
    }

    /// The same again: somebody asked for one to be tried.
    pub(super) async fn reload(&mut self, pusher: &Pusher) -> Result<(), Error> {
        let now = pusher.clock.now();
        let kept = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
        let old = DateTime::from_millis(now.timestamp_millis() - kept);
        let removed = pusher.pushes.remove_dead_letters(old).await;
        removed.map_err(|error| of_write(&error))?;
        (self.waiting, self.dead) = (0, 0);
        // those that are being tried stay so
        self.subjects.retain(|_, next| next.is_none());
        let mut last = String::new();
        loop {
            let some = pusher.pushes.list_letters(&last, READ_AT_ONCE).await;
            let some = some.map_err(|error| of_read(&error))?;
            for letter in &some {
                if letter.is_dead {
                    self.dead += 1;
                    continue;
                }
                self.waiting += 1;
                // the first one says when
                let next_at = instant_of(letter.next_at, now);
                let subject = letter.occurrence.subject();
                self.subjects.entry(subject).or_insert(Some(next_at));
            }
            match some.last() {
                Some(letter) => last = letter.id(),
                None => return Ok(()),
            }
        }
    }

    /// Whether more may be set aside.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < MAX_LETTERS
    }

    /// Whether events about this wait behind a letter.
    pub(super) fn contains(&self, subject: Subject) -> bool {
        self.subjects.contains_key(&subject)
    }

    /// When the next letter is to be tried.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.subjects.values().flatten().min().copied()
    }

    /// Sets events aside.
    pub(super) async fn add(
        &mut self,
        pusher: &Pusher,
        events: Vec<Occurrence>,
        reason: &str,
    ) -> Result<(), Error> {
        let now = pusher.clock.now();
        let next_at = after(now, FIRST_PAUSE);
        let new = |one| Letter::new(one, now, next_at, reason);
        let letters: Vec<Letter> = events.into_iter().map(new).collect();
        let added = pusher.pushes.add_letters(&letters).await;
        added.map_err(|error| of_write(&error))?;
        self.waiting += letters.len();
        for letter in letters {
            let subject = letter.occurrence.subject();
            let next_at = Some(instant_of(next_at, now));
            self.subjects.entry(subject).or_insert(next_at);
        }
        Ok(())
    }

    /// The letters that are to be tried now.
    pub(super) async fn due(
        &mut self,
        pusher: &Pusher,
    ) -> Result<Vec<(Subject, Vec<Letter>)>, Error> {
        let now = Instant::now();
        let are_tried = self.subjects.values().filter(|next| next.is_none()).count();
        let places = SUBJECTS_AT_ONCE.saturating_sub(are_tried);
        let due = whose_turn(&self.subjects, now, places);
        let listed = due.into_iter().map(async |subject| {
            let some = pusher.pushes.list_letters_about(subject, AT_ONCE).await;
            some.map(|some| (subject, some))
        });
        let listed = futures::future::try_join_all(listed).await;
        let now = pusher.clock.now();
        let mut letters = Vec::new();
        for (subject, mut some) in listed.map_err(|error| of_read(&error))? {
            let due = how_many_are_due(&some, now);
            match some.first() {
                // what follows goes the usual way again
                None => drop(self.subjects.remove(&subject)),
                Some(first) if due == 0 => {
                    let next_at = instant_of(first.next_at, now);
                    self.subjects.insert(subject, Some(next_at));
                }
                Some(_) => {
                    some.truncate(due);
                    self.subjects.insert(subject, None);
                    letters.push((subject, some));
                }
            }
        }
        Ok(letters)
    }

    /// The first of some letters were taken, and then perhaps one was not.
    pub(super) async fn tried(
        &mut self,
        pusher: &Pusher,
        subject: Subject,
        letters: Vec<Letter>,
        taken: usize,
        failure: Option<Failure>,
    ) -> Result<(), Error> {
        let gone = letters.get(..taken).unwrap_or(&letters);
        let removed = pusher.pushes.remove_letters(gone).await;
        removed.map_err(|error| of_write(&error))?;
        self.waiting = self.waiting.saturating_sub(gone.len());
        let now = pusher.clock.now();
        let mut next = now;
        let failed = letters.into_iter().nth(taken).zip(failure);
        if let Some((mut letter, failure)) = failed {
            if failure.is_put_off && letter.put_off < i64::from(MAX_PUT_OFF) {
                letter.put_off += 1;
            } else {
                letter.attempts += 1;
            }
            letter.reason = failure.reason;
            let age = now.timestamp_millis() - letter.since.timestamp_millis();
            let is_old = u128::try_from(age).is_ok_and(|age| age >= TRIED_FOR.as_millis());
            // one that is always refused must not keep all others waiting
            let is_in_the_way = !self.has_room() && letter.attempts >= TRIED_AT_LEAST;
            letter.is_dead = is_old || is_in_the_way;
            if letter.is_dead {
                if is_in_the_way {
                    tracing::warn!(
                        "too many events are set aside: one is given up before its time"
                    );
                }
                self.waiting = self.waiting.saturating_sub(1);
                self.dead += 1;
            } else {
                let attempts = u32::try_from(letter.attempts).unwrap_or(u32::MAX);
                next = after(now, pause(FIRST_PAUSE, LONGEST_PAUSE, attempts));
            }
            letter.next_at = next;
            let updated = pusher.pushes.update_letter(&letter).await;
            updated.map_err(|error| of_write(&error))?;
        }
        self.subjects.insert(subject, Some(instant_of(next, now)));
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    pub(super) fn report(&self) {
        for (state, count) in [("waiting", self.waiting), ("dead", self.dead)] {
            metrics::gauge!("chatzz_push_letters", "state" => state).set(count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChatRoomId, ChatUserId};
    use crate::store::{Event, Item, Place, What};

    fn letter(next_at: i64) -> Letter {
        let members = [(); 2].map(|()| ChatUserId::generate());
        let room = ChatRoomId::generate();
        let event = Event::ContactAdded { room, members };
        let now = DateTime::from_millis(0);
        let occurrence = Occurrence {
            place: Place { entry: 1, index: 0 },
            at: now,
            what: What::Item(Item { number: 1, event }),
        };
        Letter::new(occurrence, now, DateTime::from_millis(next_at), "")
    }

    #[test]
    fn one_that_rests_holds_up_what_follows_and_is_not_tried_before_its_time() {
        let letters = [1, 5, 9, 2].map(letter);
        let due = |now| how_many_are_due(&letters, DateTime::from_millis(now));
        assert_eq!([0, 1, 5, 8, 9].map(due), [0, 1, 2, 2, 4]);
        assert_eq!(how_many_are_due(&[], DateTime::from_millis(9)), 0);
    }

    #[test]
    fn whoever_has_waited_longest_is_first_and_who_rests_or_is_tried_waits() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let subject = || letter(0).occurrence.subject();
        let [a, b, c, rests, tried] = [(); 5].map(|()| subject());
        let subjects = HashMap::from([
            (b, Some(after(2))),
            (rests, Some(after(9))),
            (a, Some(after(1))),
            (tried, None),
            (c, Some(after(3))),
        ]);
        assert_eq!(whose_turn(&subjects, after(5), 8), [a, b, c]);
        assert_eq!(whose_turn(&subjects, after(5), 2), [a, b]);
        assert_eq!(whose_turn(&subjects, after(5), 0), []);
    }
}
