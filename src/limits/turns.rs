//! Turns: when each of many refused events may come again.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The latest turn that is given, after the first: a client that is to wait for longer
/// might as well get no time at all.
const LATEST: Duration = Duration::from_mins(2);

/// Gives refused events turns one behind the other. If all got the same time, all but one
/// would come too early again.
#[derive(Debug)]
pub(super) struct Turns {
    each: Duration,
    next: Mutex<Option<Instant>>,
}

impl Turns {
    /// `each` is the time between two turns.
    pub(super) fn new(each: Duration) -> Self {
        Self {
            each,
            next: Mutex::default(),
        }
    }

    /// How long until the next free turn, which is not before `wait` is over.
    pub(super) fn next(&self, now: Instant, wait: Duration) -> Duration {
        let soonest = now + wait;
        let mut next = self.next.lock();
        let turn = next.map_or(soonest, |next| next.clamp(soonest, soonest + LATEST));
        *next = Some(turn + self.each);
        turn - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_events_have_turns_one_behind_the_other_up_to_the_latest() {
        let turns = Turns::new(Duration::from_secs(50));
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let given: Vec<_> = (0..5).map(|_| turns.next(now, second).as_secs()).collect();
        assert_eq!(given, [1, 51, 101, 121, 121]);
        assert_eq!(turns.next(now + Duration::from_mins(10), second), second);
    }
}
