//! An open loop: when each request is due, whatever became of the earlier ones.
//!
//! Latency is counted from when a request was due. A client that waits for
//! slow answers before it sends again would leave out the very requests that
//! would have been slow (coordinated omission).

use std::thread;
use std::time::Duration;

/// When requests are due: evenly, at a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Requests a second.
    pub(crate) rate: f64,
    /// When the first is due, in microseconds.
    pub(crate) begin: u64,
    /// None is due at or after this, in microseconds.
    pub(crate) end: u64,
}

impl Schedule {
    /// When request `i` is due; `None` after the last.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "microseconds of one run are below 2^52 and not negative"
    )]
    pub(crate) fn due(&self, i: u64) -> Option<u64> {
        let at = self.begin + (i as f64 * 1e6 / self.rate) as u64;
        (at < self.end).then_some(at)
    }
}

/// Calls `send` with each request's number and the time at which it was due,
/// never before, until `send` returns false or none is left.
///
/// In a thread of its own: a timer of tokio is as coarse as a millisecond,
/// about what an answer takes. `now` tells microseconds.
pub(crate) fn pace(
    schedule: Schedule,
    now: impl Fn() -> u64,
    mut send: impl FnMut(u64, u64) -> bool,
) {
    let mut i = 0;
    while let Some(due) = schedule.due(i) {
        let wait = due.saturating_sub(now());
        if wait > 0 {
            thread::sleep(Duration::from_micros(wait));
            continue;
        }
        if !send(i, due) {
            return;
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn requests_are_due_evenly_and_none_after_the_end() {
        let schedule = Schedule {
            rate: 3.0,
            begin: 1_000,
            end: 1_001_000,
        };
        let due: Vec<_> = (0..5).map_while(|i| schedule.due(i)).collect();
        assert_eq!(due, [1_000, 334_333, 667_666]);
    }

    #[test]
    fn what_a_stall_delayed_keeps_the_time_at_which_it_was_due() {
        let clock = Cell::new(0);
        let schedule = Schedule {
            rate: 1_000.0,
            begin: 0,
            end: 10_000,
        };
        let mut lateness = Vec::new();
        // a clock that moves when it is read, and jumps by 5 ms once
        let now = || {
            clock.set(clock.get() + 1_000);
            clock.get()
        };
        pace(schedule, now, |i, due| {
            if i == 2 {
                clock.set(clock.get() + 5_000);
            }
            lateness.push((due, clock.get() - due));
            true
        });
        assert_eq!(lateness.len(), 10, "none is left out");
        assert!(
            lateness
                .iter()
                .enumerate()
                .all(|(i, (due, _))| *due == i as u64 * 1_000)
        );
        assert!(
            lateness.iter().filter(|(_, late)| *late >= 5_000).count() >= 7,
            "{lateness:?}"
        );
    }

    #[test]
    fn nothing_is_sent_before_it_is_due_and_nothing_after_a_refusal() {
        let clock = std::time::Instant::now();
        let now = || u64::try_from(clock.elapsed().as_micros()).unwrap();
        let schedule = Schedule {
            rate: 1_000.0,
            begin: 2_000,
            end: u64::MAX,
        };
        let mut sent = 0;
        pace(schedule, now, |i, due| {
            assert!(now() >= due);
            sent += 1;
            i < 4
        });
        assert_eq!(sent, 5);
    }
}
