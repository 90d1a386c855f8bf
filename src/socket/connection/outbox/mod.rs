//! What is on its way to one socket.
//!
//! A full send buffer is no verdict: packets wait here, bounded, and are
//! offered again. Beyond the bounds, or without progress, the transport is
//! closed, and what was in it stays missed. The states are those of [`super::flow`].

mod backlog;
mod leaving;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::Socket;
use tokio::sync::mpsc;

use super::Connection;
use super::packet::{DropPolicy, Packet};
use super::session::Session;
use crate::rooms::Confirm;
use backlog::Backlog;

/// Most packets that wait for one socket.
const MAX_WAITING: usize = 4_096;
/// As many may wait for a login when there comes one that is not stored; more
/// packets of 4 KiB would not fit into an outbox.
const MAX_HELD_PASSING: usize = 32;

/// What an outbox may hold, and for how long.
#[derive(Clone, Debug)]
pub(in crate::socket) struct Bounds {
    /// Most bytes of waiting packets.
    pub(in crate::socket) bytes: usize,
    /// Longest time without progress.
    pub(in crate::socket) stall: Duration,
    /// The longest an event's answer may take.
    pub(in crate::socket) request: Duration,
    /// Where deliveries that the client acknowledged go.
    pub(in crate::socket) confirmed: mpsc::Sender<Confirm>,
}

/// Packets of one socket.
pub(in crate::socket) struct Outbox {
    socket: Option<Arc<Socket>>,
    bounds: Bounds,
    waiting: VecDeque<Waiting>,
    /// What others caused while a login is under way; `None` if none is.
    held: Option<Vec<Packet>>,
    /// Of what others caused, as much as waits or is held back.
    bytes: usize,
    backlog: Backlog,
    /// Bounds were passed: nothing more is taken, the socket is to go.
    broken: bool,
}

/// A packet that could not leave, and what it counts. The answer to an own event
/// counts nothing: the next event waits until it has left.
struct Waiting {
    packet: Packet,
    counts: usize,
}

/// Who caused a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Own,
    Others,
}

impl Outbox {
    pub(in crate::socket) fn new(socket: Arc<Socket>, bounds: Bounds) -> Self {
        Self {
            socket: Some(socket),
            bounds,
            waiting: VecDeque::new(),
            held: None,
            bytes: 0,
            backlog: Backlog::default(),
            broken: false,
        }
    }

    /// Whether the socket is to go because it took too little.
    pub(in crate::socket) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes nothing more, forgets what waits, and closes the connection.
    fn break_off(&mut self, connection: &Connection) {
        self.broken = true;
        self.held = None;
        self.waiting = VecDeque::new();
        self.bytes = 0;
        connection.flow.changed.notify_waiters();
        connection.abort();
    }

    pub(in crate::socket) fn socket(&self) -> Option<Arc<Socket>> {
        self.socket.clone()
    }

    /// Whether packets wait for the socket.
    pub(in crate::socket) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether everything that was sent has left, as far as can be seen.
    pub(in crate::socket) fn has_left(&mut self, session: &Session) -> bool {
        self.waiting.is_empty() && self.backlog.has_left(session)
    }

    /// The longest an accepted event may stay unanswered.
    pub(in crate::socket) fn request(&self) -> Duration {
        self.bounds.request
    }

    /// Lets go of the socket and of everything for it.
    pub(in crate::socket) fn release(&mut self) {
        self.socket = None;
        self.waiting = VecDeque::new();
        self.held = None;
        self.bytes = 0;
    }

    /// From now on what others cause is held back.
    pub(in crate::socket) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Forgets what was held back: the login failed.
    pub(in crate::socket) fn drop_held(&mut self) {
        self.take_held();
    }

    fn take_held(&mut self) -> Vec<Packet> {
        let held = self.held.take().unwrap_or_default();
        let counted: usize = held.iter().map(Packet::size).sum();
        self.bytes = self.bytes.saturating_sub(counted);
        held
    }

    fn enqueue_or_hold(&mut self, connection: &Arc<Connection>, packet: Packet) {
        if self.held.is_some() {
            self.hold_back(connection, packet);
        } else {
            self.enqueue(connection, packet, Cause::Others);
        }
    }

    /// Keeps a packet until the login is out.
    fn hold_back(&mut self, connection: &Connection, packet: Packet) {
        self.bytes += packet.size();
        let held = self.held.get_or_insert_default();
        held.push(packet);
        let many = held.len() > MAX_WAITING;
        self.keep_bounded(connection, many);
    }

    /// Gives up when too much waits.
    fn keep_bounded(&mut self, connection: &Connection, many: bool) {
        if many || self.bytes > self.bounds.bytes {
            tracing::debug!("an outbox overflowed; its connection is closed");
            metrics::counter!("chatzz_outbox_overflows_total").increment(1);
            self.break_off(connection);
        }
    }

    fn enqueue(&mut self, connection: &Arc<Connection>, packet: Packet, cause: Cause) {
        if self.broken || self.socket.is_none() {
            return;
        }
        if self.waiting.is_empty() && self.offer(connection, &packet) {
            return;
        }
        if !self.may_wait(&packet) {
            return;
        }
        let counts = match cause {
            Cause::Own => 0,
            Cause::Others => packet.size(),
        };
        self.bytes += counts;
        self.waiting.push_back(Waiting { packet, counts });
        self.keep_bounded(connection, self.waiting.len() > MAX_WAITING);
        // it ends when nothing waits any more: there is one at a time
        if self.waiting.len() == 1 {
            tokio::spawn(leaving::offer_again(Arc::clone(connection)));
        }
    }

    /// Whether there is room for a packet that is not worth the connection.
    fn has_room(&self, packet: &Packet) -> bool {
        if self.broken || self.socket.is_none() {
            return false;
        }
        match &self.held {
            Some(held) => {
                packet.drop_policy == DropPolicy::Crowded && held.len() < MAX_HELD_PASSING
            }
            None => self.waiting.is_empty() || self.may_wait(packet),
        }
    }

    /// Whether a packet that could not leave waits, or is dropped.
    fn may_wait(&self, packet: &Packet) -> bool {
        match packet.drop_policy {
            DropPolicy::Never => true,
            DropPolicy::Crowded => {
                let bytes = self.bytes + packet.size();
                self.waiting.len() < MAX_WAITING / 2 && bytes <= self.bounds.bytes / 2
            }
            DropPolicy::Full => false,
        }
    }
}

impl Connection {
    /// Sends a packet that belongs to the socket's own event.
    pub(in crate::socket) fn send(self: &Arc<Self>, packet: Packet) {
        self.outbox.lock().enqueue(self, packet, Cause::Own);
    }

    /// Sends a packet that others caused: held back while a login is under way.
    pub(in crate::socket) fn deliver(self: &Arc<Self>, packet: Packet) {
        self.outbox.lock().enqueue_or_hold(self, packet);
    }

    /// The same of one that is not worth the connection, if there is room for it; whether
    /// there was.
    pub(in crate::socket) fn try_deliver(self: &Arc<Self>, packet: Packet) -> bool {
        let mut outbox = self.outbox.lock();
        let fits = outbox.has_room(&packet);
        if fits {
            outbox.enqueue_or_hold(self, packet);
        }
        fits
    }

    /// Sends what was held back: the login is out.
    pub(in crate::socket) fn send_held(self: &Arc<Self>) {
        let mut outbox = self.outbox.lock();
        // all of it before anything newer: the lock is kept
        for packet in outbox.take_held() {
            // what was stored before the login read it came with the login
            if !self.has_all_from_login(&packet.handed)
                && !self.has_all_from_login(packet.late.as_slice())
            {
                outbox.enqueue(self, packet, Cause::Others);
            }
        }
    }
}
