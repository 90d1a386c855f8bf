//! Flow control of one socket: what may start, what may leave, and what waits.
//!
//! An event is answered through the socket that it came by, so the events of a socket
//! wait while its packets do. A socket is in one of these states:
//!
//! | state | its events | its packets | it leads to |
//! |---|---|---|---|
//! | open | start, one behind the other | leave at once | any other |
//! | busy: a number of events, or of bytes of them, is in the lanes | wait | leave at once | *open* when a [`Permit`] drops; *full* as from *open* |
//! | full: the connection did not take a packet | wait | wait, bounded; messages are left out beyond the bounds, others are dropped by their drop policy | *open* when all have left; *broken* when too many others wait, too much of them, or none has left for the stall time |
//! | broken: the client took too little | are answered to nobody | are dropped | *closed*: the connection is aborted, and housekeeping lets go of the socket |
//! | closed | end | are dropped | – |
//!
//! Beside that a login may be under way, in any of them: what others cause is held back
//! then, counted and bounded as what waits, and follows the login's answer, but for what
//! the login contained. A login that fails drops it.
//!
//! Nobody looks again on a timer. Whoever waits for a change makes the future that
//! resolves with it *before* looking at the state, and every change is notified *behind*
//! it: one that comes between is not lost. The library does not say when it has room
//! again, but after it was full it writes, or answers a poll, and `Session::moved` says so.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Connection;
use super::fifo::Incoming;
use crate::id::{ChatRoomId, Seq};
use crate::rooms::Share;
use crate::service::People;

/// Room events of one socket that may be in the lanes at a time. More would
/// only wait there; 256 answers of 1 KiB fit into an outbox.
const MAX_IN_FLIGHT: usize = 256;
/// Bytes of such events with the people in their answers, unless it is one alone: an answer
/// and a `new-message` each, they are to fit into an outbox as well.
const MAX_IN_FLIGHT_BYTES: usize = 64 * 1024;

/// What of one socket is in the lanes, and who waits for a change of its state.
#[derive(Debug, Default)]
pub(super) struct Flow {
    in_flight: AtomicUsize,
    in_flight_bytes: AtomicUsize,
    pub(super) changed: Notify,
}

impl Flow {
    fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) >= MAX_IN_FLIGHT
            || self.in_flight_bytes.load(Ordering::SeqCst) >= MAX_IN_FLIGHT_BYTES
    }
}

impl Connection {
    /// Waits until another event may start, or none ever will.
    pub(in crate::socket) async fn ready(&self) {
        let may_start = |one: &Self| !one.flow.is_busy() && !one.is_waiting();
        self.until(|one| one.is_closed() || may_start(one)).await;
    }

    /// The next event that is to be handled; `None` ends the work.
    pub(in crate::socket) fn next_event(&self) -> Option<Incoming> {
        let next = self.fifo.lock().pop();
        if next.is_none() {
            self.flow.changed.notify_waiters();
        }
        next
    }

    /// Waits until every event that was taken is answered, or the socket is gone.
    pub(super) async fn answered(&self) {
        let is_in_flight = |one: &Self| one.flow.in_flight.load(Ordering::SeqCst) > 0;
        let is_at_work = |one: &Self| one.fifo.lock().is_working();
        let owes = |one: &Self| is_at_work(one) || is_in_flight(one) || one.is_waiting();
        self.until(|one| one.is_closed() || !owes(one)).await;
    }

    fn is_waiting(&self) -> bool {
        self.outbox.lock().is_waiting()
    }

    /// Waits until no packet waits: all have left, or are given up.
    pub(in crate::socket) async fn drained(&self) {
        self.until(|one| !one.is_waiting()).await;
    }

    /// Waits until the socket is gone.
    pub(in crate::socket) async fn closed(&self) {
        self.until(Self::is_closed).await;
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool + Send) {
        loop {
            let changed = self.flow.changed.notified();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }
}

/// The share of an event that is in the lanes, until it is dropped.
pub(in crate::socket) struct Permit {
    connection: Arc<Connection>,
    /// Bytes of the event, about what its answers cost as well, and of the people in them.
    bytes: AtomicUsize,
    /// Keeps the server from going before it is answered.
    _busy: TaskTrackerToken,
}

impl Permit {
    pub(in crate::socket) fn take(
        connection: &Arc<Connection>,
        bytes: usize,
        busy: &TaskTracker,
    ) -> Arc<Self> {
        let flow = &connection.flow;
        flow.in_flight.fetch_add(1, Ordering::SeqCst);
        flow.in_flight_bytes.fetch_add(bytes, Ordering::SeqCst);
        Arc::new(Self {
            connection: Arc::clone(connection),
            bytes: AtomicUsize::new(bytes),
            _busy: busy.token(),
        })
    }
}

impl Share for Permit {
    /// A front end of 1.x knows no other confirmation than that it reads.
    fn received_from(&self, room: ChatRoomId, seq: Seq, since: Instant) -> Option<Seq> {
        let connection = &self.connection;
        let unconfirmed = || connection.unconfirmed.lock().sent_with(room, seq, since);
        connection.is_in_dialect1().then(unconfirmed).flatten()
    }

    fn add_people(&self, bytes: usize) {
        if self.connection.people() == People::Details {
            let flow = &self.connection.flow;
            self.bytes.fetch_add(bytes, Ordering::SeqCst);
            flow.in_flight_bytes.fetch_add(bytes, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Permit");
        shown.field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let flow = &self.connection.flow;
        flow.in_flight.fetch_sub(1, Ordering::SeqCst);
        let bytes = *self.bytes.get_mut();
        flow.in_flight_bytes.fetch_sub(bytes, Ordering::SeqCst);
        flow.changed.notify_waiters();
    }
}
