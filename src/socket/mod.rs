//! Sockets: the hub that knows them all, the dispatch of their events (one file per event
//! in `events`), and what is kept of each one (`connection`).

mod admission;
mod calls;
mod catch_up;
mod connection;
mod dispatch;
mod ending;
mod events;
mod heard;
mod history_walk;
mod hub;
mod maintenance;
mod neighbours;
mod parsed;
mod status_change;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::auth::Authenticator;
use crate::config::BaseDialect;
use crate::feed::bus::Bus;
use crate::id::ChatUserId;
use crate::limits::Limits;
use crate::rooms::Origin;
use crate::service::presence::{Departure, Description, PresenceRegistry};
use crate::service::{Me, Messenger, SentRange};
use crate::store::{ChatUser, User};
use crate::transport::Sessions;
use crate::wire::{Notice, Reply};
use connection::Connection;
use connection::outbox::Bounds;

pub(crate) use admission::register;
pub(crate) use ending::watch_expiry;
pub(crate) use heard::hear;
pub(crate) use hub::Hub;
pub(crate) use maintenance::{RefreshIntervals, Silence, maintain};
pub(crate) use neighbours::{Incoming, Neighbours};

/// What every event works with.
pub(crate) struct Context {
    pub(crate) messenger: Arc<Messenger>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) presence: Arc<PresenceRegistry>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) bounds: SocketBounds,
    pub(crate) limits: Arc<Limits>,
    /// The way to other servers, if NATS is configured.
    pub(crate) bus: Option<Arc<Bus>>,
    draining: AtomicBool,
    /// Events that are not answered yet, by their sockets' workers and permits.
    busy: TaskTracker,
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
    /// The dialect of sockets that ask for none.
    pub(crate) dialect: BaseDialect,
    /// Where acknowledged deliveries go.
    pub(crate) confirmed: tokio::sync::mpsc::Sender<crate::rooms::Confirm>,
    /// The Engine.IO sessions under the sockets.
    pub(crate) sessions: Sessions,
}

impl SocketBounds {
    fn outbox(&self) -> Bounds {
        Bounds {
            bytes: self.outbox_bytes,
            stall: self.stall,
            request: self.request,
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
    sent_ranges: Vec<SentRange>,
    /// Whose presence it shows to whom.
    described: Vec<Description>,
    /// Whether this finishes a login: what was held back is sent now.
    login: bool,
    /// Keeps other logins of the person waiting until all of this is sent.
    turn: Option<OwnedSemaphorePermit>,
}

impl Outcome {
    /// An answer, and the notices to others.
    fn new(
        reply: Reply<'static>,
        notices: impl IntoIterator<Item = (Audience, Notice<'static>)>,
    ) -> Self {
        Self {
            reply,
            notices: notices.into_iter().collect(),
            sent_ranges: Vec::new(),
            described: Vec::new(),
            login: false,
            turn: None,
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
        hub: Arc<Hub>,
        presence: Arc<PresenceRegistry>,
        authenticator: Arc<Authenticator>,
        bounds: SocketBounds,
        limits: Arc<Limits>,
        bus: Option<Arc<Bus>>,
    ) -> Self {
        Self {
            messenger,
            hub,
            presence,
            authenticator,
            bounds,
            limits,
            bus,
            draining: AtomicBool::new(false),
            busy: TaskTracker::new(),
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
        self.busy.close();
        self.busy.wait().await;
    }

    /// Waits until every answer has left.
    pub(crate) async fn answers_left(&self) {
        let mut leaving = JoinSet::new();
        for connection in self.hub.list() {
            leaving.spawn(async move { connection.answers_left().await });
        }
        leaving.join_all().await;
    }

    /// A socket logs in: from now on messages reach it, and its person is here.
    fn enter(&self, connection: &Arc<Connection>, who: &ChatUser, user: &Arc<User>) {
        let note = |sockets| self.presence.enter(who, user, sockets);
        self.hub.enter(who.id, connection, note);
    }

    /// A socket is gone: its person leaves with the last one.
    fn leave(&self, connection: &Connection, how: Departure) {
        if !connection.mark_closed() {
            return;
        }
        self.hub.remove(connection.id);
        if let Some(me) = connection.me() {
            self.withdraw(connection, me.id, how);
        }
    }

    /// Takes back what a login began.
    fn withdraw(&self, connection: &Connection, who: ChatUserId, how: Departure) {
        let note = |sockets| self.presence.leave(who, sockets, how);
        self.hub.leave(who, connection.id, note);
    }

    /// Nobody is here any more, unannounced: the server is going.
    pub(crate) fn leave_all(&self) {
        self.hub.forget_people();
        self.presence.leave_all();
    }

    /// Closes every socket; the node starts anew.
    pub(crate) fn close_all(&self) {
        for connection in self.hub.list() {
            connection.abort();
        }
    }
}
