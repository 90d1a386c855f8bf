//! The Engine.IO session under a socket, and how it is ended.

use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::{Sid, Socket};
use tokio::time::Instant;

use crate::transport::{Flow, Sessions, Transport};

/// How long a client that was asked to leave has to close its connection itself.
pub(in crate::socket) const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The session under a socket.
#[derive(Clone, Debug)]
pub(in crate::socket) struct Session {
    id: Sid,
    sessions: Sessions,
    /// The session's connection, if it began as a websocket.
    begun_on: Option<Transport>,
}

/// What a session was given up to a moment: so many bytes since its connection had got so
/// far.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::socket) struct Mark {
    pub(in crate::socket) flow: Flow,
    pub(in crate::socket) bytes: usize,
}

/// How far something got on its way to the client.
#[derive(Clone, Copy, Debug)]
pub(in crate::socket) enum Arrival {
    /// Some of it is still here.
    Underway,
    /// The system has all of it; when bytes last came from the client.
    Left {
        /// When that was.
        heard: Option<Instant>,
    },
    /// The client has shown that it has it.
    Arrived,
}

impl Session {
    pub(in crate::socket) fn of(socket: &Arc<Socket>, sessions: Sessions) -> Self {
        let request = socket.req_parts();
        let first = request.extensions.get::<Transport>();
        let is_websocket = request.headers.contains_key(http::header::UPGRADE);
        Self {
            id: socket.id,
            sessions,
            begun_on: first.filter(|_| is_websocket).cloned(),
        }
    }

    /// Ends the session, as a broken network would.
    pub(in crate::socket) fn abort(&self) {
        match self.websocket() {
            Some(transport) => transport.close(),
            None => self.sessions.end(self.id.to_string()),
        }
    }

    /// Whether the session was ended, or its connection: the library may report it much later.
    pub(in crate::socket) fn has_ended(&self) -> bool {
        match self.websocket() {
            Some(transport) => transport.is_closed(),
            None => self.sessions.has_ended(&self.id.to_string()),
        }
    }

    /// Whether nothing has come over the session's websocket for so long.
    pub(in crate::socket) fn is_silent(&self, since: Duration) -> bool {
        let heard = self.websocket().and_then(|transport| transport.heard());
        heard.is_some_and(|heard| heard.elapsed() > since)
    }

    /// Ends the session, unless the client does so first.
    pub(in crate::socket) fn cut_soon(&self) {
        self.cut_after(CLOSE_WITHIN, || true);
    }

    /// Ends the session after a while, if it is still to be ended then.
    pub(in crate::socket) fn cut_after(
        &self,
        pause: Duration,
        still: impl Fn() -> bool + Send + 'static,
    ) {
        let session = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if still() {
                session.abort();
            }
        });
    }

    /// The TCP connection of the session, unless it is polled.
    fn websocket(&self) -> Option<Transport> {
        let upgraded = || self.sessions.websocket(&self.id.to_string());
        self.begun_on.clone().or_else(upgraded)
    }

    /// The session has joined.
    pub(in crate::socket) fn join(&self) {
        if self.begun_on.is_none() {
            self.sessions.count_polls(self.id.to_string());
        }
    }

    /// How much of what the session was handed has left.
    pub(in crate::socket) fn flow(&self) -> Flow {
        match &self.begun_on {
            Some(transport) => transport.flow(),
            None => self.sessions.flow(&self.id.to_string()),
        }
    }

    /// Resolves once more of what the session was handed has left, from this call on.
    pub(in crate::socket) fn moved(&self) -> impl Future<Output = ()> + Send + use<> {
        // first: an upgrade after it wakes as an answered poll does
        let polled = self.sessions.polled(&self.id.to_string()).moved();
        let written = self.websocket().unwrap_or_default().written.moved();
        async move {
            tokio::select! {
                () = polled => {}
                () = written => {}
            }
        }
    }

    /// Whether what was on its way at a moment has left, and when the client must have it.
    pub(in crate::socket) fn progress(&self, mark: &Mark) -> Arrival {
        match (self.flow(), mark.flow) {
            (Flow::Polls(_), Flow::Polls(then)) => {
                if self.sessions.has_polled_since(&self.id.to_string(), then) {
                    Arrival::Arrived
                } else {
                    Arrival::Underway
                }
            }
            (now, then) if now.since(then) >= mark.bytes => Arrival::Left {
                heard: self.websocket().and_then(|transport| transport.heard()),
            },
            _ => Arrival::Underway,
        }
    }

    /// How many polls of the session were answered, if it is polled.
    pub(in crate::socket) fn polls(&self) -> Option<usize> {
        match self.flow() {
            Flow::Polls(polls) => Some(polls),
            Flow::Bytes(_) => None,
        }
    }

    /// The session is gone.
    pub(in crate::socket) fn forget(&self) {
        self.sessions.forget(&self.id.to_string());
    }
}
