//! What is on its way to one socket.
//!
//! A full send buffer is no verdict: packets wait here, bounded, and are
//! offered again. Beyond the bounds, or without progress, the transport is
//! closed, and what was in it stays missed.

mod backlog;
mod effect;
mod leaving;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::Socket;
use tokio::sync::mpsc;

use super::Connection;
use super::packet::{DropPolicy, Packet};
use crate::bugs::{self, Bug};
use crate::rooms::Confirm;
use backlog::Backlog;
use effect::Effect;

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
    /// Where deliveries that the client acknowledged are told.
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
    offering: bool,
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
            offering: false,
            broken: false,
        }
    }

    /// Whether the socket is to go because it took too little.
    pub(in crate::socket) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes nothing more and forgets what waits.
    fn give_up(&mut self) {
        self.broken = true;
        self.held = None;
        self.waiting = VecDeque::new();
        self.bytes = 0;
    }

    pub(in crate::socket) fn socket(&self) -> Option<Arc<Socket>> {
        self.socket.clone()
    }

    /// Whether packets wait for the socket.
    pub(in crate::socket) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
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

    /// Sends what was held back: the login is out.
    pub(in crate::socket) fn send_held(connection: &Arc<Connection>) {
        let mut outbox = connection.outbox.lock();
        // all of it before anything newer: the lock is kept
        let held = outbox.take_held().into_iter();
        // what was stored before the login read it came with the login
        let effect = held
            .filter(|packet| {
                !connection.has_all_from_login(&packet.handed)
                    && !connection.has_all_from_login(packet.late.as_slice())
            })
            .map(|packet| outbox.enqueue(connection, packet, Cause::Others))
            .fold(Effect::default(), Effect::and);
        drop(outbox);
        effect.take(connection);
    }

    /// Sends a packet, or holds it back while a login is under way.
    pub(in crate::socket) fn push_or_hold(connection: &Arc<Connection>, packet: Packet) {
        let mut outbox = connection.outbox.lock();
        let effect = if outbox.held.is_some() {
            outbox.hold_back(packet)
        } else {
            outbox.enqueue(connection, packet, Cause::Others)
        };
        drop(outbox);
        effect.take(connection);
    }

    /// Sends or holds back a packet that is not worth the connection, if there is
    /// room for it; whether there was.
    pub(in crate::socket) fn try_push(connection: &Arc<Connection>, packet: Packet) -> bool {
        let mut outbox = connection.outbox.lock();
        let fits = outbox.has_room(&packet);
        if fits {
            let effect = if outbox.held.is_some() {
                outbox.hold_back(packet)
            } else {
                outbox.enqueue(connection, packet, Cause::Others)
            };
            drop(outbox);
            effect.take(connection);
        }
        fits
    }

    /// Sends a packet that the socket's own event caused.
    pub(in crate::socket) fn push(connection: &Arc<Connection>, packet: Packet) {
        let mut outbox = connection.outbox.lock();
        let effect = outbox.enqueue(connection, packet, Cause::Own);
        drop(outbox);
        effect.take(connection);
    }

    /// Keeps a packet until the login is out.
    fn hold_back(&mut self, packet: Packet) -> Effect {
        self.bytes += packet.size();
        let held = self.held.get_or_insert_default();
        held.push(packet);
        let many = held.len() > MAX_WAITING;
        self.bounded(many)
    }

    /// Gives up when too much waits.
    fn bounded(&mut self, many: bool) -> Effect {
        let overflow = many || self.bytes > self.bounds.bytes;
        if overflow {
            self.give_up();
        }
        Effect {
            overflow,
            ..Effect::default()
        }
    }

    fn enqueue(&mut self, connection: &Arc<Connection>, packet: Packet, cause: Cause) -> Effect {
        if self.broken || self.socket.is_none() {
            return Effect::default();
        }
        if self.waiting.is_empty() && self.offer(connection, &packet) {
            return Effect::default();
        }
        if bugs::active(Bug::FullBufferSwallowed) || !self.may_wait(&packet) {
            return Effect::default();
        }
        let counts = match cause {
            Cause::Own => 0,
            Cause::Others => packet.size(),
        };
        self.bytes += counts;
        self.waiting.push_back(Waiting { packet, counts });
        let effect = self.bounded(self.waiting.len() > MAX_WAITING);
        let start = !effect.overflow && !std::mem::replace(&mut self.offering, true);
        Effect { start, ..effect }
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
