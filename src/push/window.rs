//! Events that were read from the log and are not pushed yet.
//!
//! Events about one subject, mostly a chat room, are a lane, and leave one after another.
//! One that is not taken makes its lane rest, and the others go on.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use bson::DateTime;
use tokio::time::Instant;

use crate::store::{Occurrence, Pushed, Subject};

/// Events of a lane that are pushed in a row before another lane's turn.
const RUN: usize = 8;
/// The pause after a first failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Failures of an event before it may be set aside.
const ATTEMPTS: u32 = 5;
/// How often an event may be put off before each further time counts as a failure of its own.
pub(super) const MAX_PUT_OFF: u32 = 20;
/// Failures in a row, of whatever lanes, after which the receiver counts as down.
const DOWN_AFTER: u32 = 10;

/// Events of one subject, in order.
#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Occurrence>,
    /// How many of them are being pushed.
    leaving: usize,
    /// Failures since the last success.
    attempts: u32,
    /// How often its next event was put off.
    put_off: u32,
    /// How many events had been taken by the first of these failures.
    taken_before: u64,
}

/// Entries that are not done yet.
#[derive(Clone, Copy, Debug)]
struct Entry {
    left: usize,
    at: DateTime,
}

/// What was read and is not pushed yet.
#[derive(Debug)]
pub(super) struct Window {
    lanes: HashMap<Subject, Lane>,
    ready: VecDeque<Subject>,
    resting: BTreeSet<(Instant, Subject)>,
    entries: BTreeMap<i64, Entry>,
    /// The last entry of which, and of all before it, nothing is left.
    done: Option<Pushed>,
    waiting: usize,
    leaving: usize,
    /// How many events were taken in all.
    taken: u64,
    /// Failures since anything was taken.
    failures: u32,
    /// When the receiver, which is down, is tried next.
    probe_at: Option<Instant>,
}

/// Events of one lane that are to be pushed now, in this order.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) subject: Subject,
    pub(super) events: Vec<Occurrence>,
}

/// What there is to say of a run, beside how many of its events were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The next one may be tried at once.
    Well,
    /// The next one was not taken.
    Failed,
    /// The next one was not taken, since the receiver has too much to do.
    PutOff,
}

/// Twice as long each time.
pub(super) fn pause(first: Duration, longest: Duration, attempts: u32) -> Duration {
    let doubled = first.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    doubled.min(longest)
}

impl Window {
    pub(super) fn new(done: Option<Pushed>) -> Self {
        Self {
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            resting: BTreeSet::new(),
            entries: BTreeMap::new(),
            done,
            waiting: 0,
            leaving: 0,
            taken: 0,
            failures: 0,
            probe_at: None,
        }
    }

    /// How many events wait or are being pushed; at least how many entries are remembered,
    /// also those of which nothing is wanted.
    pub(super) fn len(&self) -> usize {
        self.waiting.max(self.entries.len())
    }

    /// Whether events about this wait or are being pushed.
    pub(super) fn contains(&self, subject: Subject) -> bool {
        self.lanes.contains_key(&subject)
    }

    /// How many are being pushed.
    pub(super) fn leaving(&self) -> usize {
        self.leaving
    }

    /// Everything up to this is pushed or set aside.
    pub(super) fn done(&self) -> Option<Pushed> {
        self.done
    }

    /// When the oldest entry that is not done was written.
    pub(super) fn oldest(&self) -> Option<DateTime> {
        self.entries.values().next().map(|entry| entry.at)
    }

    /// Whether nothing at all is taken.
    pub(super) fn is_down(&self) -> bool {
        self.failures >= DOWN_AFTER
    }

    /// An entry was read, with these events.
    pub(super) fn add(&mut self, entry: Pushed, events: Vec<Occurrence>) {
        let (left, at) = (events.len(), entry.at);
        self.entries.insert(entry.entry, Entry { left, at });
        self.waiting += left;
        for event in events {
            let subject = event.subject();
            let lane = self.lanes.entry(subject).or_default();
            lane.events.push_back(event);
            if lane.events.len() == 1 {
                self.ready.push_back(subject);
            }
        }
        self.advance();
    }

    /// The next events to push, if it is time for some.
    pub(super) fn next(&mut self, now: Instant) -> Option<Run> {
        let is_down = self.is_down();
        if is_down && (self.leaving > 0 || self.probe_at.is_some_and(|at| at > now)) {
            return None;
        }
        let rested = || self.resting.first().filter(|(at, _)| is_down || *at <= now);
        let subject = match (self.ready.pop_front(), rested().copied()) {
            (Some(subject), _) => subject,
            (None, Some(rested)) => {
                self.resting.remove(&rested);
                rested.1
            }
            (None, None) => return None,
        };
        let lane = self.lanes.get_mut(&subject)?;
        // one that failed shows first whether it is taken now
        let most = if is_down || lane.attempts > 0 { 1 } else { RUN };
        let events: Vec<Occurrence> = lane.events.iter().take(most).cloned().collect();
        lane.leaving = events.len();
        self.leaving += events.len();
        Some(Run { subject, events })
    }

    /// When there may be something to push, if nothing else happens.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        if self.is_down() {
            return self.probe_at;
        }
        self.resting.first().map(|(at, _)| *at)
    }

    /// The first events of a run were taken, and then perhaps one was not. Returns what is to
    /// be set aside now: that event, and all later ones of its lane.
    pub(super) fn pushed(
        &mut self,
        subject: Subject,
        taken: usize,
        ending: Ending,
        now: Instant,
        may_set_aside: bool,
    ) -> Vec<Occurrence> {
        let Some(lane) = self.lanes.get_mut(&subject) else {
            return Vec::new();
        };
        self.leaving -= lane.leaving;
        lane.leaving = 0;
        let gone: Vec<Occurrence> = lane.events.drain(..taken.min(lane.events.len())).collect();
        if taken > 0 {
            (lane.attempts, lane.put_off) = (0, 0);
        }
        self.finish(&gone);
        if taken > 0 {
            self.taken += taken as u64;
            self.recover();
        }
        if ending == Ending::Well {
            self.put_back(subject);
            return Vec::new();
        }
        self.failures += 1;
        if self.is_down() {
            let beyond = self.failures - DOWN_AFTER + 1;
            self.probe_at = Some(now + pause(FIRST_PAUSE, LONGEST_PAUSE, beyond));
        }
        let Some(lane) = self.lanes.get_mut(&subject) else {
            return Vec::new();
        };
        if lane.attempts == 0 {
            lane.taken_before = self.taken;
        }
        if ending == Ending::PutOff && lane.put_off < MAX_PUT_OFF {
            lane.put_off += 1;
        } else {
            lane.attempts += 1;
        }
        let others_were_taken = self.taken > lane.taken_before;
        if may_set_aside && lane.attempts >= ATTEMPTS && others_were_taken {
            let aside: Vec<Occurrence> = lane.events.drain(..).collect();
            self.lanes.remove(&subject);
            return aside;
        }
        let until = now + pause(FIRST_PAUSE, LONGEST_PAUSE, lane.attempts);
        self.resting.insert((until, subject));
        Vec::new()
    }

    /// These events are pushed, or set aside.
    pub(super) fn finish(&mut self, events: &[Occurrence]) {
        self.waiting -= events.len();
        for event in events {
            if let Some(entry) = self.entries.get_mut(&event.place.entry) {
                entry.left = entry.left.saturating_sub(1);
            }
        }
        self.advance();
    }

    fn advance(&mut self) {
        while let Some(first) = self.entries.first_entry() {
            if first.get().left > 0 {
                return;
            }
            let (entry, at) = (*first.key(), first.get().at);
            first.remove();
            self.done = Some(Pushed { entry, at });
        }
    }

    /// Something was taken: if nothing was for long, all that rests is tried now.
    fn recover(&mut self) {
        if self.is_down() {
            for (_, subject) in std::mem::take(&mut self.resting) {
                if let Some(lane) = self.lanes.get_mut(&subject) {
                    // one that fails on, while others are taken, is set aside soon
                    lane.attempts = lane.attempts.min(ATTEMPTS - 2);
                    self.ready.push_back(subject);
                }
            }
        }
        self.failures = 0;
        self.probe_at = None;
    }

    /// A lane waits for its next turn, if anything is in it.
    fn put_back(&mut self, subject: Subject) {
        if self
            .lanes
            .get(&subject)
            .is_some_and(|lane| lane.events.is_empty())
        {
            self.lanes.remove(&subject);
        } else {
            self.ready.push_back(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChatRoomId, ChatUserId};
    use crate::store::{Event, Item, Place, What};

    fn event(room: ChatRoomId, entry: i64, index: u32) -> Occurrence {
        let event = Event::ContactAdded {
            room,
            members: [(); 2].map(|()| ChatUserId::generate()),
        };
        Occurrence {
            place: Place { entry, index },
            at: DateTime::from_millis(entry),
            what: What::Item(Item { number: 1, event }),
        }
    }

    fn entry(entry: i64) -> Pushed {
        let at = DateTime::from_millis(entry);
        Pushed { entry, at }
    }

    fn places(run: &Run) -> Vec<(i64, u32)> {
        let places = run.events.iter().map(|event| event.place);
        places.map(|place| (place.entry, place.index)).collect()
    }

    #[test]
    fn a_lane_leaves_in_order_and_an_entry_is_done_with_all_before_it() {
        let [one, other] = [(); 2].map(|()| ChatRoomId::generate());
        let now = Instant::now();
        let mut window = Window::new(None);
        window.add(entry(1), vec![event(one, 1, 0), event(other, 1, 1)]);
        window.add(entry(2), vec![event(one, 2, 0)]);
        window.add(entry(3), vec![]);

        let first = window.next(now).unwrap();
        let second = window.next(now).unwrap();
        assert!(window.next(now).is_none(), "both are on their way");
        assert_eq!(places(&first), [(1, 0), (2, 0)]);
        assert_eq!(places(&second), [(1, 1)]);
        window.add(entry(4), vec![event(one, 4, 0)]);
        assert!(window.next(now).is_none(), "behind those on their way");

        window.pushed(first.subject, 2, Ending::Well, now, true);
        assert_eq!(window.done(), None);
        window.pushed(second.subject, 1, Ending::Well, now, true);
        assert_eq!(window.done(), Some(entry(3)));
        let last = window.next(now).unwrap();
        assert_eq!(places(&last), [(4, 0)]);
        window.pushed(last.subject, 1, Ending::Well, now, true);
        assert_eq!((window.done(), window.len()), (Some(entry(4)), 0));
    }

    #[test]
    fn what_fails_while_others_are_taken_is_set_aside_with_what_follows() {
        let [bad, good] = [(); 2].map(|()| ChatRoomId::generate());
        let mut now = Instant::now();
        let mut window = Window::new(None);
        window.add(entry(1), vec![event(bad, 1, 0), event(bad, 1, 1)]);
        let mut aside = Vec::new();
        for attempt in 1..=ATTEMPTS {
            let run = window.next(now).unwrap();
            assert_eq!(run.events.len(), if attempt == 1 { 2 } else { 1 });
            aside = window.pushed(run.subject, 0, Ending::Failed, now, true);
            window.add(entry(1 + i64::from(attempt)), vec![event(good, 9, 0)]);
            let other = window.next(now).unwrap();
            window.pushed(other.subject, 1, Ending::Well, now, true);
            now += LONGEST_PAUSE;
        }
        assert_eq!(aside.len(), 2);
        assert_eq!(window.done(), None, "it is not stored yet");
        window.finish(&aside);
        assert!(window.done().is_some() && window.next(now).is_none());
    }

    #[test]
    fn what_is_put_off_is_set_aside_much_later_than_what_is_refused() {
        let [bad, good] = [(); 2].map(|()| ChatRoomId::generate());
        let mut now = Instant::now();
        let mut window = Window::new(None);
        window.add(entry(1), vec![event(bad, 1, 0)]);
        let mut times = 0;
        let aside = loop {
            let run = window.next(now).unwrap();
            let aside = window.pushed(run.subject, 0, Ending::PutOff, now, true);
            times += 1;
            if !aside.is_empty() {
                break aside;
            }
            window.add(entry(1 + i64::from(times)), vec![event(good, 9, 0)]);
            let other = window.next(now).unwrap();
            window.pushed(other.subject, 1, Ending::Well, now, true);
            now += LONGEST_PAUSE;
        };
        assert_eq!((times, aside.len()), (MAX_PUT_OFF + ATTEMPTS, 1));
    }

    #[test]
    fn while_nothing_is_taken_one_is_tried_at_a_time_and_nothing_is_set_aside() {
        let rooms = [(); 20].map(|()| ChatRoomId::generate());
        let mut now = Instant::now();
        let mut window = Window::new(None);
        let events = (0..).zip(rooms).map(|(index, room)| event(room, 1, index));
        window.add(entry(1), events.collect());
        let mut tried = Vec::new();
        for _ in 0..60 {
            let Some(run) = window.next(now) else {
                now = window.wakes_at().unwrap();
                continue;
            };
            assert!(!window.is_down() || window.next(now).is_none());
            tried.push(run.subject);
            assert!(
                window
                    .pushed(run.subject, 0, Ending::Failed, now, true)
                    .is_empty()
            );
        }
        assert!(window.is_down());
        tried.sort_unstable();
        tried.dedup();
        assert_eq!(tried.len(), 20, "each has its turn");
        now = window.wakes_at().unwrap();
        let run = window.next(now).unwrap();
        window.pushed(run.subject, 1, Ending::Well, now, true);
        let mut rest = 0;
        while let Some(run) = window.next(now) {
            rest += run.events.len();
        }
        assert_eq!(rest, 19, "the others are tried at once");
    }

    #[test]
    fn entries_of_which_nothing_is_wanted_count_while_one_before_them_waits() {
        let room = ChatRoomId::generate();
        let mut window = Window::new(None);
        let first = event(room, 1, 0);
        let subject = first.subject();
        window.add(entry(1), vec![first]);
        for number in 2..=50 {
            window.add(entry(number), vec![]);
        }
        assert_eq!(window.len(), 50);
        assert!(window.contains(subject));

        let now = Instant::now();
        let run = window.next(now).unwrap();
        window.pushed(run.subject, 1, Ending::Well, now, true);

        assert_eq!((window.len(), window.done()), (0, Some(entry(50))));
        assert!(!window.contains(subject));
    }

    #[test]
    fn what_fails_on_after_another_one_was_taken_is_set_aside_also_in_quiet_hours() {
        let [bad, good] = [(); 2].map(|()| ChatRoomId::generate());
        let mut now = Instant::now();
        let mut window = Window::new(None);
        window.add(entry(1), vec![event(bad, 1, 0)]);
        for _ in 0..DOWN_AFTER {
            let run = window.next(now).unwrap();
            assert!(
                window
                    .pushed(run.subject, 0, Ending::Failed, now, true)
                    .is_empty()
            );
            now += LONGEST_PAUSE;
        }
        assert!(window.is_down());
        let taken = event(good, 2, 0);
        let subject = taken.subject();
        window.add(entry(2), vec![taken]);
        while window.is_down() {
            let run = window.next(now).unwrap();
            let is_good = run.subject == subject;
            let ending = [Ending::Failed, Ending::Well][usize::from(is_good)];
            let aside = window.pushed(run.subject, usize::from(is_good), ending, now, true);
            assert!(aside.is_empty());
            now += LONGEST_PAUSE;
        }

        let aside = [(); 2].map(|()| {
            let run = window.next(now).unwrap();
            let aside = window.pushed(run.subject, 0, Ending::Failed, now, true);
            now += LONGEST_PAUSE;
            aside.len()
        });

        assert_eq!(aside, [0, 1]);
    }
}
