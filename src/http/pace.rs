//! How long a connection may wait for what.
//!
//! | state | what is waited for | how long |
//! |---|---|---|
//! | `Head` | the rest of a request's head, or the first one | the header timeout |
//! | `Idle` | another request, after an answer | the keep-alive timeout, from the last byte that left |
//! | `Busy` | the server, or a websocket | for others to bound |

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::time::Instant;

/// The state of one connection, shared by its stream and its requests.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    header: Duration,
    keep_alive: Duration,
    state: Arc<Mutex<State>>,
    /// The task of the connection: hyper has read before the answer was there, and does
    /// not read again by itself.
    reader: Arc<AtomicWaker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head(Instant),
    Idle(Instant),
    Busy,
}

impl Pace {
    /// A new connection, whose first request's head is waited for.
    pub(super) fn new(header: Duration, keep_alive: Duration) -> Self {
        let state = State::Head(Instant::now() + header);
        Self {
            header,
            keep_alive,
            state: Arc::new(Mutex::new(state)),
            reader: Arc::default(),
        }
    }

    /// Bytes have come.
    pub(super) fn read(&self) {
        let mut state = self.state.lock();
        if let State::Idle(_) = *state {
            *state = State::Head(Instant::now() + self.header);
        }
    }

    /// Bytes have left.
    pub(super) fn wrote(&self) {
        let mut state = self.state.lock();
        if let State::Idle(_) = *state {
            *state = State::Idle(Instant::now() + self.keep_alive);
        }
    }

    /// A request's head is complete.
    pub(super) fn begin(&self) {
        *self.state.lock() = State::Busy;
    }

    /// The request has its answer, and the connection is good for another one.
    pub(super) fn finish(&self) {
        *self.state.lock() = State::Idle(Instant::now() + self.keep_alive);
        self.reader.wake();
    }

    /// When to give up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self.state.lock() {
            State::Head(until) | State::Idle(until) => Some(until),
            State::Busy => None,
        }
    }

    /// Wakes the reader once there is a deadline again.
    pub(super) fn wake_later(&self, reader: &Waker) {
        self.reader.register(reader);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_less_time_than_a_pause_between_requests() {
        let (header, keep_alive) = (Duration::from_secs(10), Duration::from_secs(90));
        let pace = Pace::new(header, keep_alive);
        let first = pace.deadline().unwrap();
        let is_about = |at: Instant, after: Duration| {
            let left = at.duration_since(Instant::now());
            left <= after && left > after.mul_f64(0.5)
        };
        assert!(is_about(first, header));
        pace.read();
        assert_eq!(pace.deadline(), Some(first), "a dribble gains nothing");
        pace.begin();
        assert_eq!(pace.deadline(), None);
        pace.finish();
        let idle = pace.deadline().unwrap();
        assert!(is_about(idle, keep_alive));
        pace.wrote();
        assert!(
            pace.deadline() > Some(idle),
            "an answer that is still leaving"
        );
        pace.read();
        assert!(is_about(pace.deadline().unwrap(), header));
    }
}
