//! One socket: its queue of events, its login, and what is on its way to it.

pub(super) mod fifo;
pub(super) mod flow;
pub(super) mod outbox;
pub(super) mod packet;
pub(super) mod session;
pub(super) mod unconfirmed;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bson::DateTime;
use parking_lot::Mutex;
use socketioxide::socket::Socket;
use tokio::time::{Instant, timeout};

use crate::auth::Identity;
use crate::id::SocketId;
use crate::limits::Allowance;
use crate::service::{Error, Me, SentRange};
use crate::wire::{Dialect, Notice, PerDialect};
use fifo::Fifo;
use flow::Flow;
use outbox::{Bounds, Outbox};
use packet::Packet;
use session::{CLOSE_WITHIN, Session};
use unconfirmed::Unconfirmed;

/// One socket.
pub(crate) struct Connection {
    pub(super) id: SocketId,
    /// How it is spoken to.
    pub(super) dialect: Dialect,
    identity: Mutex<Identity>,
    /// When the identity ends, in milliseconds since 1970.
    expires_at: AtomicI64,
    pub(super) fifo: Mutex<Fifo>,
    pub(super) outbox: Mutex<Outbox>,
    pub(super) unconfirmed: Mutex<Unconfirmed>,
    me: OnceLock<Arc<Me>>,
    delivery_acks: AtomicBool,
    closed: AtomicBool,
    flow: Flow,
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
    ) -> Self {
        Self {
            id,
            dialect: Dialect::V3,
            expires_at: AtomicI64::new(end_of(&identity)),
            identity: Mutex::new(identity),
            fifo: Mutex::default(),
            outbox: Mutex::new(Outbox::new(socket, bounds)),
            unconfirmed: Mutex::default(),
            me: OnceLock::new(),
            delivery_acks: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            flow: Flow::default(),
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
    pub(super) fn me(&self) -> Option<&Arc<Me>> {
        self.me.get()
    }

    /// Fixes who the socket is; the first caller decides.
    pub(super) fn log_in(&self, me: Me) -> &Me {
        self.me.get_or_init(|| Arc::new(me))
    }

    pub(super) fn set_delivery_acks(&self, on: bool) {
        self.delivery_acks.store(on, Ordering::Relaxed);
    }

    pub(super) fn has_delivery_acks(&self) -> bool {
        self.delivery_acks.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.since.elapsed() > age
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
        Packet::event(notice.json(self.dialect))
    }

    /// Whether there are messages in these ranges, and the login contained them all.
    pub(super) fn has_all_from_login(&self, ranges: &[SentRange]) -> bool {
        let handed = self.unconfirmed.lock();
        let came = |range: &SentRange| handed.came_with_login(range.room, range.last);
        !ranges.is_empty() && ranges.iter().all(came)
    }

    /// Closes the connection under the socket, as a broken network would: the
    /// official clients come back by themselves.
    pub(super) fn abort(&self) {
        self.session.abort();
    }

    /// Tells the client that it is logged out and closes the connection: the
    /// official clients stay away.
    pub(super) fn disconnect(&self, socket: Option<Arc<Socket>>) {
        if socket.is_some_and(|socket| socket.disconnect().is_ok()) {
            self.session.cut_soon();
        } else {
            self.session.abort();
        }
    }

    /// The same once what was answered has left, if it does so in time: a client
    /// that floods is to see why it had to go.
    fn dismiss_answered(self: &Arc<Self>) {
        let connection = Arc::clone(self);
        // what a polled session has not fetched is lost with it; a poll that was
        // under way may have been too early, the next one is not
        let polls = connection.session.polls().map(|polls| polls + 2);
        tokio::spawn(async move {
            let left = async {
                connection.drained().await;
                loop {
                    let moved = connection.session.moved();
                    let polled = connection.session.polls().zip(polls);
                    if polled.is_none_or(|(now, all)| now >= all) {
                        return;
                    }
                    moved.await;
                }
            };
            let _ = timeout(CLOSE_WITHIN, left).await;
            let socket = connection.outbox.lock().socket();
            connection.disconnect(socket);
        });
    }

    /// Notes that an event was refused; dismisses a client that gives cause for
    /// it too often.
    pub(super) fn record_client_error(self: &Arc<Self>, error: &Error) {
        if !error.is_of_client() || self.is_closed() || !self.allowance.err() {
            return;
        }
        if self.fifo.lock().end() {
            tracing::debug!(socket = self.id.0, "closed: too many errors");
            metrics::counter!("chatzz_sockets_ended_total", "why" => "errors").increment(1);
            self.dismiss_answered();
        }
    }
}

/// When an identity ends; never is the end of time.
fn end_of(identity: &Identity) -> i64 {
    identity
        .expires_at()
        .map_or(i64::MAX, DateTime::timestamp_millis)
}
