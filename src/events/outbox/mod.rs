//! What is on its way to one socket.
//!
//! A full send buffer is no verdict: packets wait here, bounded, and are
//! offered again. Beyond the bounds, or without progress, the transport is
//! closed, and what was in it stays missed.

mod effect;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::Socket;
use tokio::sync::mpsc;

use super::connection::Connection;
use super::packet::{Packet, Sent, Worth};
use crate::bugs::{self, Bug};
use crate::lanes::Confirm;
use effect::Effect;

/// Most packets that wait for one socket.
const MOST_WAITING: usize = 4_096;
/// As many may wait for a login when there comes one that is not stored; more
/// packets of 4 KiB would not fit into an outbox.
const MOST_HELD_PASSING: usize = 32;

/// What an outbox may hold, and for how long.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// Most bytes of waiting packets.
    pub(super) bytes: usize,
    /// Longest time without progress.
    pub(super) stall: Duration,
    /// Where deliveries that the client acknowledged are told.
    pub(super) confirmed: mpsc::Sender<Confirm>,
}

/// Packets of one socket.
pub(super) struct Outbox {
    socket: Option<Arc<Socket>>,
    bounds: Bounds,
    waiting: VecDeque<Packet>,
    /// What others caused while a login is under way; `None` if none is.
    held: Option<Vec<Packet>>,
    bytes: usize,
    offering: bool,
    /// Bounds were passed: nothing more is taken, the socket is to go.
    broken: bool,
}

impl Outbox {
    pub(super) fn new(socket: Arc<Socket>, bounds: Bounds) -> Self {
        Self {
            socket: Some(socket),
            bounds,
            waiting: VecDeque::new(),
            held: None,
            bytes: 0,
            offering: false,
            broken: false,
        }
    }

    /// Whether the socket is to go because it took too little.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes nothing more and forgets what waits.
    fn give_up(&mut self) {
        self.broken = true;
        self.held = None;
        self.waiting = VecDeque::new();
        self.bytes = 0;
    }

    pub(super) fn socket(&self) -> Option<Arc<Socket>> {
        self.socket.clone()
    }

    /// Whether packets wait for the socket.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Lets go of the socket and of everything for it.
    pub(super) fn release(&mut self) {
        self.socket = None;
        self.waiting = VecDeque::new();
        self.held = None;
        self.bytes = 0;
    }

    /// From now on what others cause is held back.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Forgets what was held back: the login failed.
    pub(super) fn drop_held(&mut self) {
        self.held = None;
    }

    /// Sends what was held back: the login is out.
    pub(super) fn send_held(connection: &Arc<Connection>) {
        let mut outbox = connection.outbox.lock();
        // all of it before anything newer: the lock is kept
        let held = outbox.held.take().into_iter().flatten();
        // what was stored before the login read it came with the login
        let effect = held
            .filter(|packet| {
                !connection.has_all_from_login(&packet.handed)
                    && !connection.has_all_from_login(packet.late.as_slice())
            })
            .map(|packet| outbox.enqueue(connection, packet))
            .fold(Effect::default(), Effect::and);
        drop(outbox);
        effect.take(connection);
    }

    /// Sends a packet, or holds it back while a login is under way.
    pub(super) fn push_or_hold(connection: &Arc<Connection>, packet: Packet) {
        let mut outbox = connection.outbox.lock();
        let effect = match &mut outbox.held {
            None => outbox.enqueue(connection, packet),
            Some(held) if held.len() < MOST_WAITING => {
                held.push(packet);
                Effect::default()
            }
            Some(_) => {
                outbox.give_up();
                Effect {
                    overflow: true,
                    ..Effect::default()
                }
            }
        };
        drop(outbox);
        effect.take(connection);
    }

    /// Sends or holds back a packet that is not worth the connection, if there is
    /// room for it; whether there was.
    pub(super) fn try_push(connection: &Arc<Connection>, packet: Packet) -> bool {
        let mut outbox = connection.outbox.lock();
        let fits = outbox.has_room(&packet);
        if fits {
            let effect = match &mut outbox.held {
                None => outbox.enqueue(connection, packet),
                Some(held) => {
                    held.push(packet);
                    Effect::default()
                }
            };
            drop(outbox);
            effect.take(connection);
        }
        fits
    }

    /// Sends a packet.
    pub(super) fn push(connection: &Arc<Connection>, packet: Packet) {
        let effect = connection.outbox.lock().enqueue(connection, packet);
        effect.take(connection);
    }

    fn enqueue(&mut self, connection: &Arc<Connection>, packet: Packet) -> Effect {
        if self.broken || self.socket.is_none() {
            return Effect::default();
        }
        if self.waiting.is_empty() && self.offer(connection, &packet) {
            return Effect::default();
        }
        if bugs::active(Bug::FullBufferSwallowed) || !self.may_wait(&packet) {
            return Effect::default();
        }
        self.bytes += packet.size();
        self.waiting.push_back(packet);
        let overflow = self.waiting.len() > MOST_WAITING || self.bytes > self.bounds.bytes;
        if overflow {
            self.give_up();
        }
        Effect {
            overflow,
            start: !overflow && !std::mem::replace(&mut self.offering, true),
        }
    }

    /// Whether there is room for a packet that is not worth the connection.
    fn has_room(&self, packet: &Packet) -> bool {
        if self.broken || self.socket.is_none() {
            return false;
        }
        match &self.held {
            Some(held) => packet.worth == Worth::Passing && held.len() < MOST_HELD_PASSING,
            None => self.waiting.is_empty() || self.may_wait(packet),
        }
    }

    /// Whether a packet that could not leave waits, or is dropped.
    fn may_wait(&self, packet: &Packet) -> bool {
        match packet.worth {
            Worth::Lasting => true,
            Worth::Passing => {
                let bytes = self.bytes + packet.size();
                self.waiting.len() < MOST_WAITING / 2 && bytes <= self.bounds.bytes / 2
            }
            Worth::Moment => false,
        }
    }

    /// Offers one packet; `true` when the socket took it.
    fn offer(&self, connection: &Arc<Connection>, packet: &Packet) -> bool {
        let Some(socket) = &self.socket else {
            return false;
        };
        let sent = packet.offer(socket);
        if bugs::active(Bug::CursorJumps) && !matches!(sent, Sent::Full) {
            self.confirm_unheard(connection, packet);
        }
        match sent {
            Sent::Full => false,
            Sent::Done => {
                for range in &packet.handed {
                    connection.note_handed(*range);
                }
                true
            }
            Sent::Awaited(ack) => {
                if let Some(me) = connection.me() {
                    let confirms = packet.handed.iter().map(|range| range.confirmed_by(me.id));
                    let confirms: Vec<Confirm> = confirms.collect();
                    let confirmed = self.bounds.confirmed.clone();
                    tokio::spawn(async move {
                        use socketioxide::AckError;
                        // `cb()` without arguments does not decode, and says "I have it"
                        if let Ok(_) | Err(AckError::Decode(_)) = ack.await {
                            for confirm in confirms {
                                // dropped when too many wait: then it is delivered once more
                                let _ = confirmed.try_send(confirm);
                            }
                        }
                    });
                }
                true
            }
        }
    }

    /// [`Bug::CursorJumps`].
    fn confirm_unheard(&self, connection: &Connection, packet: &Packet) {
        for (me, range) in connection.me().into_iter().zip(&packet.handed) {
            let _ = self.bounds.confirmed.try_send(range.confirmed_by(me.id));
        }
    }

    /// Offers what waits; tells whether anything left, and whether all did.
    fn drain(&mut self, connection: &Arc<Connection>) -> (bool, bool) {
        let mut progress = false;
        while let Some(packet) = self.waiting.pop_front() {
            if !self.offer(connection, &packet) {
                self.waiting.push_front(packet);
                return (progress, false);
            }
            self.bytes = self.bytes.saturating_sub(packet.size());
            progress = true;
        }
        self.offering = false;
        (progress, true)
    }
}
