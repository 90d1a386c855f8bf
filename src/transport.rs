//! Closing a TCP connection from another task.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::mapref::entry::Entry;
use dashmap::{DashMap, DashSet};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The other end of a TCP connection, in the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address of the client, in the extensions of its requests: the other end, or the
/// address that trusted proxies name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Whether a session is, or ever was, in the namespace, in the extensions of the request
/// that began it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined(Arc<Membership>);

#[derive(Debug, Default)]
struct Membership {
    ever: AtomicBool,
    now: AtomicBool,
}

impl Joined {
    /// Notes a join; `true` for the first.
    pub(crate) fn join(&self) -> bool {
        self.0.now.store(true, Ordering::SeqCst);
        !self.0.ever.swap(true, Ordering::SeqCst)
    }

    /// Notes that the namespace was left.
    pub(crate) fn leave(&self) {
        self.0.now.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_in(&self) -> bool {
        self.0.now.load(Ordering::SeqCst)
    }
}

/// A handle found in the extensions of the requests that arrived over the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transport {
    closed: CancellationToken,
    heard: Heard,
    /// Bytes that were given to the kernel.
    pub(crate) written: Progress,
}

impl Transport {
    /// Closes the connection: reads and writes fail from now on.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Resolves once the connection was closed.
    pub(crate) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.closed.clone().cancelled_owned()
    }

    pub(crate) fn flow(&self) -> Flow {
        Flow::Bytes(self.written.count())
    }

    /// Notes that bytes came from the client.
    pub(crate) fn hear(&self) {
        *self.heard.0.lock() = Some(Instant::now());
    }

    /// When bytes last came from the client.
    pub(crate) fn heard(&self) -> Option<Instant> {
        *self.heard.0.lock()
    }
}

/// When bytes last came.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Option<Instant>>>);

/// A count of what has left, and a wake-up for whoever waits for more to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    count: Arc<AtomicUsize>,
    moved: Arc<Notify>,
}

impl Progress {
    pub(crate) fn add(&self, more: usize) {
        self.count.fetch_add(more, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Resolves once something is added, from this call on.
    pub(crate) fn moved(&self) -> OwnedNotified {
        Arc::clone(&self.moved).notified_owned()
    }
}

/// How much a session's connection has taken so far.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// Bytes of a websocket, framing included.
    Bytes(usize),
    /// Polls that were answered.
    Polls(usize),
}

impl Default for Flow {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

impl Flow {
    /// Bytes that have left since an earlier moment. An answered poll, or another
    /// transport, has taken everything that was waiting.
    pub(crate) fn since(self, earlier: Self) -> usize {
        match (self, earlier) {
            (Self::Bytes(now), Self::Bytes(then)) => now.wrapping_sub(then),
            (Self::Polls(now), Self::Polls(then)) if now == then => 0,
            _ => usize::MAX,
        }
    }
}

/// Engine.IO sessions by id: which connection carries one, and which have ended.
///
/// socketioxide remembers the first request of a session only, and that one's
/// connection is not the one that carries an upgraded session. And it cannot
/// end a polled session whose channel is full.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Arc<Known>);

#[derive(Debug)]
struct Known {
    upgraded: DashMap<String, Transport>,
    ended: DashSet<String>,
    /// Ends the requests that wait for packets.
    polls: DashMap<String, CancellationToken>,
    /// How many such requests were answered, of sessions in the namespace.
    polled: DashMap<String, Progress>,
    heartbeat: Duration,
}

impl Sessions {
    /// `heartbeat` is how long a session can last when its requests are refused.
    pub(crate) fn new(heartbeat: Duration) -> Self {
        Self(Arc::new(Known {
            upgraded: DashMap::new(),
            ended: DashSet::new(),
            polls: DashMap::new(),
            polled: DashMap::new(),
            heartbeat,
        }))
    }

    /// Notes an upgrade, unless one is known. It is forgotten when the guard is dropped;
    /// put the guard into the request's extensions, which live as long as the websocket.
    pub(crate) fn note_upgrade(
        &self,
        session: String,
        transport: Transport,
    ) -> Option<UpgradeGuard> {
        match self.0.upgraded.entry(session.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(transport);
                // whoever waits for polls is to look for the websocket
                self.polled(&session).add(0);
                Some(UpgradeGuard(Arc::new(Noted {
                    sessions: self.clone(),
                    session,
                })))
            }
        }
    }

    /// The websocket of an upgraded session.
    pub(crate) fn websocket(&self, session: &str) -> Option<Transport> {
        self.0
            .upgraded
            .get(session)
            .map(|transport| transport.clone())
    }

    /// A request of a polled session begins; the returned token is cancelled when the
    /// session is ended in the meantime.
    pub(crate) fn begin_request(&self, session: &str) -> CancellationToken {
        let token = self.0.polls.entry(session.to_owned()).or_default();
        token.clone()
    }

    /// A request of a polled session is answered.
    pub(crate) fn finish_request(&self, session: &str) {
        self.0.polls.remove(session);
        // only of those that are known to end
        self.polled(session).add(1);
    }

    /// How many polls of a session were answered, if they are counted.
    pub(crate) fn polled(&self, session: &str) -> Progress {
        let polled = self.0.polled.get(session);
        polled.map_or_else(Progress::default, |polled| polled.clone())
    }

    /// Whether a poll that began after `answered` of them had been answered shows that the
    /// client has all that it was given until then: it polls again once it has an answer.
    ///
    /// The first answer may have been on its way already, the second takes all that waits.
    pub(crate) fn has_polled_since(&self, session: &str, answered: usize) -> bool {
        let more = self.polled(session).count().wrapping_sub(answered);
        more > 2 || more == 2 && self.0.polls.contains_key(session)
    }

    /// A session has joined: its polls are counted until it is forgotten.
    pub(crate) fn count_polls(&self, session: String) {
        self.0.polled.entry(session).or_default();
    }

    /// Whether a session that began with a poll is in the namespace, or was.
    pub(crate) fn has_joined(&self, session: &str) -> bool {
        self.0.polled.contains_key(session)
    }

    /// How much a session that did not begin as a websocket has taken.
    pub(crate) fn flow(&self, session: &str) -> Flow {
        match self.websocket(session) {
            Some(transport) => transport.flow(),
            None => Flow::Polls(self.polled(session).count()),
        }
    }

    /// Ends a polled session: its requests are refused from now on, and the
    /// heartbeat does the rest.
    pub(crate) fn end(&self, session: String) {
        if !self.0.ended.insert(session.clone()) {
            return;
        }
        if let Some((_, poll)) = self.0.polls.remove(&session) {
            poll.cancel();
        }
        let known = Arc::clone(&self.0);
        tokio::spawn(async move {
            // its end may have been reported before, to a socket that is gone
            tokio::time::sleep(known.heartbeat).await;
            known.ended.remove(&session);
        });
    }

    /// Whether the session was ended.
    pub(crate) fn has_ended(&self, session: &str) -> bool {
        self.0.ended.contains(session)
    }

    /// Forgets a session that has ended.
    pub(crate) fn forget(&self, session: &str) {
        self.0.polled.remove(session);
        self.0.ended.remove(session);
    }
}

/// Keeps an upgrade registered.
#[derive(Clone, Debug)]
pub(crate) struct UpgradeGuard(#[expect(dead_code, reason = "held for its drop")] Arc<Noted>);

#[derive(Debug)]
struct Noted {
    sessions: Sessions,
    session: String,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.sessions.0.upgraded.remove(&self.session);
    }
}
