//! What is on its way to one socket.
//!
//! A full send buffer is no verdict: packets wait here, bounded, and are offered again.
//! Without progress for the stall time the transport is closed, and what was in it stays
//! missed. The states are those of [`super::flow`]. Beyond the bounds:
//!
//! | what | while the client makes progress | else |
//! |---|---|---|
//! | messages (`new-message`) | left out beyond four outboxes, or three of one chat room | left out beyond one, or three quarters of one chat room |
//! | other packets that others caused | the transport is closed beyond four outboxes | the transport is closed beyond one |
//! | the same during a login | dropped beyond four outboxes | dropped beyond one |
//! | answers to own events | wait: the next event waits for them | the same |

mod backlog;
mod leaving;
mod left_out;
mod weight;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::Socket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Connection;
use super::packet::{DropPolicy, Packet};
use super::session::Session;
use crate::id::ChatRoomId;
use crate::rooms::{Confirm, Stored};
use backlog::Backlog;
use weight::Weight;

pub(in crate::socket) use left_out::LeftOut;

/// Most packets that wait for one socket, messages apart, and most of these.
const MAX_WAITING: usize = 4_096;
/// A client that took something within this makes progress.
const RECENTLY: Duration = Duration::from_secs(2);
/// How many times as many bytes may wait for a client that makes progress.
const WHILE_MOVING: usize = 4;
/// As many may wait for a login when there comes one that is not stored; more
/// packets of 4 KiB would not fit into an outbox.
const MAX_HELD_PASSING: usize = 32;

/// What an outbox may hold, and for how long.
#[derive(Clone, Debug)]
pub(in crate::socket) struct Bounds {
    /// Most bytes of waiting packets, of a client that makes no progress.
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
    /// Of what others caused, what waits or is held back.
    weight: Weight,
    /// When something of what waits last left, or began to wait.
    moved: Instant,
    /// The newest message of each chat room that was left out.
    left_out: HashMap<ChatRoomId, LeftOut>,
    /// Whether a task announces them.
    is_announcing: bool,
    backlog: Backlog,
    /// Bounds were passed: nothing more is taken, the socket is to go.
    broken: bool,
}

/// A packet that could not leave. The answer to an own event counts nothing: the next
/// event waits until it has left.
struct Waiting {
    packet: Packet,
    cause: Cause,
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
            weight: Weight::default(),
            moved: Instant::now(),
            left_out: HashMap::new(),
            is_announcing: false,
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
        self.clear();
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
        self.clear();
    }

    fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.held = None;
        self.weight = Weight::default();
        self.left_out = HashMap::new();
    }

    /// From now on what others cause is held back.
    pub(in crate::socket) fn hold(&mut self) {
        self.moved = Instant::now();
        self.held.get_or_insert_default();
    }

    /// From now on what waits counts as handed to nobody: whom it was for is logged out.
    pub(in crate::socket) fn hand_over_nothing(&mut self) {
        for waiting in &mut self.waiting {
            waiting.packet.handed.clear();
        }
    }

    /// Forgets what was held back: the login failed.
    pub(in crate::socket) fn drop_held(&mut self) {
        self.take_held();
        self.left_out = HashMap::new();
    }

    fn take_held(&mut self) -> Vec<Packet> {
        let held = self.held.take().unwrap_or_default();
        for packet in &held {
            self.weight.remove(packet);
        }
        held
    }

    /// A message; it is left out when too much waits.
    fn enqueue_or_leave_out(
        &mut self,
        connection: &Arc<Connection>,
        packet: Packet,
        stored: &Stored,
    ) {
        if self.broken || self.socket.is_none() {
            return;
        }
        let room = stored.message.chat_room;
        if self.has_room_for_text(room, packet.size()) {
            // a client that gets this one fetches what is missing below it
            self.left_out.remove(&room);
            self.enqueue_or_hold(connection, packet.text_of(room));
        } else if connection.is_in_dialect1() {
            // it cannot know that one is missing: so it counts as missed, and comes with the next login
            metrics::counter!("chatzz_outbox_overflows_total").increment(1);
            self.break_off(connection);
        } else {
            metrics::counter!("chatzz_texts_left_out_total").increment(1);
            self.left_out.insert(room, LeftOut::new(stored));
        }
    }

    fn has_room_for_text(&self, room: ChatRoomId, bytes: usize) -> bool {
        let texts = self.weight.texts();
        let is_first = self.waiting.is_empty() && texts.packets == 0;
        let limit = self.limit();
        is_first
            || texts.packets < MAX_WAITING
                && texts.bytes + bytes <= limit
                && self.weight.of_room(room) + bytes <= limit / 4 * 3
    }

    /// How many bytes may wait now.
    fn limit(&self) -> usize {
        if self.moved.elapsed() < RECENTLY {
            self.bounds.bytes.saturating_mul(WHILE_MOVING)
        } else {
            self.bounds.bytes
        }
    }

    /// Whether more waits than messages and answers can be: the client is too slow.
    fn is_overfull(&self) -> bool {
        let rest = self.weight.rest();
        let texts = self.weight.texts().packets;
        rest.bytes > self.limit()
            || rest.packets > MAX_WAITING
            || self.waiting.len().saturating_sub(texts) > MAX_WAITING
    }

    fn enqueue_or_hold(&mut self, connection: &Arc<Connection>, packet: Packet) {
        let Some(held) = &mut self.held else {
            return self.enqueue(connection, packet, Cause::Others);
        };
        self.weight.add(&packet);
        held.push(packet);
        // others must not end a login
        if self.is_overfull()
            && let Some(packet) = self.held.as_mut().and_then(Vec::pop)
        {
            self.weight.remove(&packet);
            metrics::counter!("chatzz_held_packets_dropped_total").increment(1);
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
        if self.waiting.is_empty() {
            self.moved = Instant::now();
        }
        if cause == Cause::Others {
            self.weight.add(&packet);
        }
        self.waiting.push_back(Waiting { packet, cause });
        if self.is_overfull() {
            tracing::debug!("an outbox overflowed; its connection is closed");
            metrics::counter!("chatzz_outbox_overflows_total").increment(1);
            self.break_off(connection);
        }
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
                let bytes = self.weight.bytes() + packet.size();
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

    /// The same of a message, which is left out when too much waits, and where the login
    /// contained it, unless this very socket sent it. Such a one is found late, since another
    /// server stored it or the answer was lost. What follows on it is left out as well, and
    /// so nobody hears one message and not the next.
    pub(in crate::socket) fn deliver_text(
        self: &Arc<Self>,
        packet: Packet,
        stored: &Stored,
        is_asking: bool,
    ) {
        // the login must not come out between the look and the sending
        let mut outbox = self.outbox.lock();
        let message = &stored.message;
        if is_asking || !self.came_with_login(message.chat_room, message.seq) {
            outbox.enqueue_or_leave_out(self, packet, stored);
        }
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
        let unconfirmed = self.unconfirmed.lock();
        let is_in_login = |one: &LeftOut| unconfirmed.came_with_login(one.room, one.seq);
        outbox.left_out.retain(|_, one| !is_in_login(one));
        drop(unconfirmed);
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
