//! Client events: one adapter that decodes, orders, answers and emits, and one
//! file per event.

mod add_chat_user;
mod block_user;
mod connect_user;
mod connection;
mod delivery;
mod dispatch;
mod ending;
mod fifo;
mod get_active_users;
mod get_blocked_users;
mod get_old_messages;
mod handed;
mod housekeeping;
mod message_delivered;
mod message_read;
mod outbox;
mod packet;
mod parsed;
mod refresh_token;
mod send_message;
mod session;
mod set_privacy;
mod signal;
mod socket;
mod typing;
mod unblock_user;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::auth::Authenticator;
use crate::id::ChatUserId;
use crate::lanes::Origin;
use crate::limits::Limits;
use crate::service::presence::{Announce, Departure, Description, Presence};
use crate::service::{HandedOver, Me, Messenger};
use crate::transport::Sessions;
use crate::wire::{Notice, Reply};
use connection::Connection;
use outbox::Bounds;

pub(crate) use delivery::Delivery;
pub(crate) use ending::watch_expiry;
pub(crate) use housekeeping::{Ages, keep_house};
pub(crate) use socket::register;

/// What every event works with.
pub(crate) struct Context {
    pub(crate) messenger: Arc<Messenger>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) bounds: SocketBounds,
    pub(crate) limits: Arc<Limits>,
    draining: AtomicBool,
}

/// Bounds of one socket.
#[derive(Clone, Debug)]
pub(crate) struct SocketBounds {
    /// Events that may wait.
    pub(crate) queue: usize,
    /// The longest an event's answer may take.
    pub(crate) request: Duration,
    /// Bytes of packets that may wait.
    pub(crate) outbox_bytes: usize,
    /// The longest a session may take to join the namespace.
    pub(crate) connect: Duration,
    /// The longest a socket may take nothing.
    pub(crate) stall: Duration,
    /// Where acknowledged deliveries are told.
    pub(crate) confirmed: tokio::sync::mpsc::Sender<crate::lanes::Confirm>,
    /// The Engine.IO sessions under the sockets.
    pub(crate) sessions: Sessions,
}

impl SocketBounds {
    fn outbox(&self) -> Bounds {
        Bounds {
            bytes: self.outbox_bytes,
            stall: self.stall,
            confirmed: self.confirmed.clone(),
        }
    }
}

/// One event of somebody who is logged in, on its way through its handler.
struct Call {
    context: Arc<Context>,
    connection: Arc<Connection>,
    me: Arc<Me>,
    origin: Origin,
}

/// What an event led to, as data; the adapter does it.
struct Outcome {
    /// What the acknowledgement says.
    reply: Reply<'static>,
    /// Who hears what.
    notices: Vec<(Audience, Notice<'static>)>,
    /// What the asker was handed by it.
    handed_over: Vec<HandedOver>,
    /// Whose presence it shows to whom.
    described: Vec<Description>,
    /// Whether this finishes a login: what was held back is sent now.
    login: bool,
}

impl Outcome {
    /// An answer, and what others are told.
    fn new(
        reply: Reply<'static>,
        notices: impl IntoIterator<Item = (Audience, Notice<'static>)>,
    ) -> Self {
        Self {
            reply,
            notices: notices.into_iter().collect(),
            handed_over: Vec::new(),
            described: Vec::new(),
            login: false,
        }
    }
}

/// Whom an envelope goes to.
enum Audience {
    /// The asking socket.
    Asker,
    /// All sockets of a person.
    User(ChatUserId),
    /// The asker's own other sockets.
    OwnOthers,
}

impl Context {
    pub(crate) fn new(
        messenger: Arc<Messenger>,
        delivery: Arc<Delivery>,
        presence: Arc<Presence>,
        authenticator: Arc<Authenticator>,
        bounds: SocketBounds,
        limits: Arc<Limits>,
    ) -> Self {
        Self {
            messenger,
            delivery,
            presence,
            authenticator,
            bounds,
            limits,
            draining: AtomicBool::new(false),
        }
    }

    /// Whether the server is going down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Refuses new sockets and events from now on.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Waits until every event that was accepted is answered.
    pub(crate) async fn finish(&self) {
        let busy = |connection: &Arc<Connection>| {
            connection.owed() > 0 || connection.fifo.lock().is_busy()
        };
        while self.delivery.list().iter().any(busy) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A socket is gone: its person leaves with the last one.
    fn leave(&self, connection: &Connection, how: Departure) {
        if !connection.mark_closed() {
            return;
        }
        self.delivery.remove(connection.id);
        if let Some(me) = connection.me() {
            let outlet: Arc<dyn Announce> = self.delivery.clone();
            self.presence.leave(me.id, connection.id, how, &outlet);
        }
    }

    /// Takes back what a login began.
    fn withdraw(&self, connection: &Connection, me: &Me) {
        let outlet: Arc<dyn Announce> = self.delivery.clone();
        self.presence
            .leave(me.id, connection.id, Departure::Lost, &outlet);
    }

    /// Closes every socket; the node starts anew.
    pub(crate) fn close_all(&self) {
        for connection in self.delivery.list() {
            connection.cut();
        }
    }
}
