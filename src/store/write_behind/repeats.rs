//! Presence that is written once more.
//!
//! A write whose answer was lost may still be executed, even after a later one: then the
//! database shows an old presence. So when a later write has been answered, the same is
//! written again once the lost one is certainly over.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::PresenceChange;
use crate::id::ChatUserId;
use crate::store::Error;

/// How long a lost write may still be in progress at a database that answers again.
const SETTLED: Duration = Duration::from_secs(2);

/// The people whose presence is written once more.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// People whose last write may still be executed later.
    open: HashSet<ChatUserId>,
    /// The write after it, and when it is to be repeated.
    due: HashMap<ChatUserId, (PresenceChange, Instant)>,
}

impl Repeats {
    /// Adds the due repeats to a write; changes recorded since are newer.
    pub(super) fn add_due(&mut self, presence: &mut HashMap<ChatUserId, PresenceChange>) {
        self.add_due_at(presence, Instant::now());
    }

    fn add_due_at(&mut self, presence: &mut HashMap<ChatUserId, PresenceChange>, now: Instant) {
        for (user, (change, _)) in self.due.extract_if(|_, (_, at)| *at <= now) {
            presence.entry(user).or_insert(change);
        }
    }

    /// Notes the outcome of a write.
    pub(super) fn note(
        &mut self,
        presence: &HashMap<ChatUserId, PresenceChange>,
        outcome: &Result<(), Error>,
    ) {
        match outcome {
            Err(error) if error.may_be_applied() => self.open.extend(presence.keys()),
            Err(_) => {}
            Ok(()) => {
                let at = Instant::now() + SETTLED;
                for (user, change) in presence {
                    if self.open.remove(user) || self.due.contains_key(user) {
                        self.due.insert(*user, (*change, at));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed_out() -> Result<(), Error> {
        Err(Error::TimedOut(Duration::ZERO))
    }

    #[test]
    fn what_follows_a_lost_write_is_written_once_more_and_no_more() {
        let (who, other) = (ChatUserId::generate(), ChatUserId::generate());
        let mut repeats = Repeats::default();
        let online = HashMap::from([(who, PresenceChange::Online(None))]);
        repeats.note(&online, &timed_out());
        let left = PresenceChange::Offline(bson::DateTime::now());
        let both = HashMap::from([(who, left), (other, left)]);
        repeats.note(&both, &Ok(()));

        let mut now = HashMap::new();
        repeats.add_due(&mut now);
        assert_eq!(now, HashMap::new(), "not yet");
        let later = Instant::now() + SETTLED;
        repeats.add_due_at(&mut now, later);
        assert_eq!(now, HashMap::from([(who, left)]));
        repeats.note(&now, &Ok(()));
        let mut again = HashMap::new();
        repeats.add_due_at(&mut again, later + SETTLED);
        assert_eq!(again, HashMap::new());
    }

    #[test]
    fn what_is_newer_is_written_instead() {
        let who = ChatUserId::generate();
        let mut repeats = Repeats::default();
        let left = PresenceChange::Offline(bson::DateTime::now());
        repeats.note(&HashMap::from([(who, left)]), &timed_out());
        repeats.note(&HashMap::from([(who, left)]), &Ok(()));
        let back = HashMap::from([(who, PresenceChange::Online(None))]);
        let mut now = back.clone();
        repeats.add_due_at(&mut now, Instant::now() + SETTLED);
        assert_eq!(now, back);
    }
}
