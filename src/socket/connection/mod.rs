//! One socket: its queue of events, its login, and what is on its way to it.

pub(super) mod fifo;
pub(super) mod flow;
pub(super) mod manner;
pub(super) mod outbox;
pub(super) mod packet;
mod parting;
pub(super) mod session;
pub(super) mod unconfirmed;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bson::DateTime;
use parking_lot::Mutex;
use socketioxide::socket::Socket;
use tokio::time::Instant;

use super::history_walk::Walks;
use crate::auth::Identity;
use crate::config::BaseDialect;
use crate::hooks::Turns;
use crate::id::{ChatRoomId, Seq, SocketId};
use crate::limits::Allowance;
use crate::service::{Me, People, SentRange};
use crate::wire::{Dialect, Notice, PerDialect};
use fifo::Fifo;
use flow::Flow;
use manner::Manner;
use outbox::{Bounds, Outbox};
use packet::Packet;
use session::Session;
use unconfirmed::Unconfirmed;

/// The first protocol that had ranges of messages.
const FIRST_WITH_RANGES: u32 = 2;

/// One socket.
pub(crate) struct Connection {
    pub(super) id: SocketId,
    identity: Mutex<Identity>,
    /// When the identity ends, in milliseconds since 1970.
    expires_at: AtomicI64,
    pub(super) fifo: Mutex<Fifo>,
    pub(super) outbox: Mutex<Outbox>,
    pub(super) unconfirmed: Mutex<Unconfirmed>,
    me: Mutex<Option<Arc<Me>>>,
    manner: Manner,
    /// The histories that it is being sent in dialect 1.
    pub(super) walks: Mutex<Walks>,
    /// Whether it takes a range of messages that got further.
    knows_ranges: AtomicBool,
    delivery_acks: AtomicBool,
    compact: AtomicBool,
    ending: AtomicBool,
    closed: AtomicBool,
    flow: Flow,
    /// The turns of sends and adds that wait for hooks.
    pub(super) turns: Turns,
    pub(super) session: Session,
    /// What the socket may ask for.
    pub(super) allowance: Allowance,
    since: Instant,
}

impl Connection {
    pub(super) fn new(
        id: SocketId,
        identity: Identity,
        socket: Arc<Socket>,
        bounds: Bounds,
        session: Session,
        allowance: Allowance,
        manner: Manner,
    ) -> Self {
        Self {
            id,
            expires_at: AtomicI64::new(end_of(&identity)),
            identity: Mutex::new(identity),
            fifo: Mutex::default(),
            outbox: Mutex::new(Outbox::new(socket, bounds)),
            unconfirmed: Mutex::default(),
            me: Mutex::default(),
            manner,
            walks: Mutex::default(),
            knows_ranges: AtomicBool::new(false),
            delivery_acks: AtomicBool::new(false),
            compact: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            flow: Flow::default(),
            turns: Turns::default(),
            session,
            allowance,
            since: Instant::now(),
        }
    }

    /// What its token proved.
    pub(super) fn identity(&self) -> Identity {
        self.identity.lock().clone()
    }

    /// Takes on what a fresh token proved.
    pub(super) fn renew(&self, identity: Identity) {
        let mut current = self.identity.lock();
        self.expires_at.store(end_of(&identity), Ordering::SeqCst);
        *current = identity;
    }

    /// Whether its token is over.
    pub(super) fn has_expired(&self, now: DateTime) -> bool {
        self.expires_at.load(Ordering::SeqCst) <= now.timestamp_millis()
    }

    /// Who is logged in; `None` before `connect-user`.
    pub(super) fn me(&self) -> Option<Arc<Me>> {
        self.me.lock().clone()
    }

    /// Whether this is who is logged in.
    pub(super) fn is_of(&self, me: &Me) -> bool {
        self.me.lock().as_deref().is_some_and(|one| one == me)
    }

    /// Fixes who the socket is, until it logs out.
    pub(super) fn log_in(&self, me: Me) -> Arc<Me> {
        Arc::clone(self.me.lock().get_or_insert_with(|| Arc::new(me)))
    }

    /// The socket is nobody's; who it was. What they were sent on it and have not confirmed
    /// stays missed.
    pub(super) fn log_out(&self) -> Option<Arc<Me>> {
        let me = self.me.lock().take();
        self.outbox.lock().hand_over_nothing();
        *self.unconfirmed.lock() = Unconfirmed::default();
        me
    }

    pub(super) fn set_delivery_acks(&self, on: bool) {
        self.delivery_acks.store(on, Ordering::Relaxed);
    }

    pub(super) fn has_delivery_acks(&self) -> bool {
        self.delivery_acks.load(Ordering::Relaxed)
    }

    pub(super) fn set_compact(&self, on: bool) {
        self.compact.store(on, Ordering::Relaxed);
    }

    /// Notes the newest protocol that its client knows.
    pub(super) fn set_protocol(&self, protocol: u32) {
        let knows_ranges = protocol >= FIRST_WITH_RANGES;
        self.knows_ranges.store(knows_ranges, Ordering::Relaxed);
    }

    /// What it is sent from now on.
    pub(super) fn dialect(&self) -> Dialect {
        match self.manner.dialect {
            BaseDialect::V1 => Dialect::V1,
            BaseDialect::V3 if self.compact.load(Ordering::Relaxed) => Dialect::V3Compact,
            BaseDialect::V3 => Dialect::V3,
        }
    }

    /// Whether it speaks dialect 1.
    pub(super) fn is_in_dialect1(&self) -> bool {
        self.manner.dialect == BaseDialect::V1
    }

    /// Whether it is sent a notice: what dialect 1 does not have is not sent in it.
    pub(super) fn understands(&self, notice: &Notice<'_>) -> bool {
        !self.is_in_dialect1() || notice.is_in_dialect1()
    }

    /// Whether its front end goes by the envelopes alone, as the readme of 1.x has it: each
    /// message that got further is announced by itself, also to the socket that read it.
    pub(super) fn hears_each(&self) -> bool {
        self.is_in_dialect1() || !self.knows_ranges.load(Ordering::Relaxed)
    }

    /// Whether it gets an `error` envelope where it asked for no acknowledgement.
    pub(super) fn hears_errors(&self) -> bool {
        self.manner.hears_errors
    }

    /// How its messages contain their people.
    pub(super) fn people(&self) -> People {
        match self.dialect() {
            Dialect::V1 | Dialect::V3 => People::Details,
            Dialect::V3Compact => People::Ids,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.since.elapsed() > age
    }

    /// Marks the socket as one that is to go; `true` for the first caller.
    pub(super) fn mark_ending(&self) -> bool {
        !self.ending.swap(true, Ordering::SeqCst)
    }

    /// Marks the socket as gone; `true` for the first caller.
    pub(super) fn mark_closed(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::SeqCst);
        // the socket owns the handler that owns this: let go of it
        self.outbox.lock().release();
        self.allowance.leave();
        self.flow.changed.notify_waiters();
        first
    }

    /// A notice in the dialect of this socket.
    pub(super) fn packet(&self, notice: &PerDialect<Notice<'_>>) -> Packet {
        Packet::event(notice.json(self.dialect()))
    }

    /// Whether the login is out, and this message came after it.
    pub(super) fn is_newer_than_login(&self, room: ChatRoomId, seq: Seq) -> bool {
        let known = self.unconfirmed.lock().known(room);
        known.is_some_and(|last| seq > last)
    }

    /// Whether the login contained this message.
    pub(super) fn came_with_login(&self, room: ChatRoomId, seq: Seq) -> bool {
        self.unconfirmed.lock().came_with_login(room, seq)
    }

    /// Whether there are messages in these ranges, and the login contained them all.
    pub(super) fn has_all_from_login(&self, ranges: &[SentRange]) -> bool {
        let handed = self.unconfirmed.lock();
        let came = |range: &SentRange| handed.came_with_login(range.room, range.last);
        !ranges.is_empty() && ranges.iter().all(came)
    }
}

/// When an identity ends; never is the end of time.
fn end_of(identity: &Identity) -> i64 {
    identity
        .expires_at()
        .map_or(i64::MAX, DateTime::timestamp_millis)
}
