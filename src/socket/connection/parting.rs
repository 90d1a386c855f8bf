//! The ways in which the server ends a socket.

use std::sync::Arc;
use std::time::Duration;

use socketioxide::socket::Socket;
use tokio::time::timeout;

use super::Connection;
use super::session::CLOSE_WITHIN;
use crate::service::Error;

impl Connection {
    /// Closes the connection under the socket, as a broken network would: the
    /// official clients come back by themselves.
    pub(in crate::socket) fn abort(&self) {
        self.session.abort();
    }

    /// Ends the session after a while, unless somebody is logged in by then. A broken network
    /// would do the same: a client that was only slow comes back by itself.
    pub(in crate::socket) fn cut_unless_logged_in(self: &Arc<Self>, pause: Duration) {
        let connection = Arc::downgrade(self);
        let is_nobodys = |one: Arc<Self>| one.me().is_none() && !one.is_closed();
        let still = move || connection.upgrade().is_some_and(is_nobodys);
        self.session.cut_after(pause, still);
    }

    /// Tells the client that it is logged out and closes the connection: the
    /// official clients stay away.
    pub(in crate::socket) fn disconnect(&self, socket: Option<Arc<Socket>>) {
        if socket.is_some_and(|socket| socket.disconnect().is_ok()) {
            self.session.cut_soon();
        } else {
            self.session.abort();
        }
    }

    /// The same once every answer that is owed has left, if it does so in time.
    pub(in crate::socket) fn disconnect_answered(self: &Arc<Self>, within: Duration) {
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let _ = timeout(within, connection.answers_left()).await;
            let socket = connection.outbox.lock().socket();
            connection.disconnect(socket);
        });
    }

    /// Waits until every event that was taken is answered, and the answers have left.
    pub(in crate::socket) async fn answers_left(&self) {
        self.answered().await;
        match self.session.polls() {
            None => self.written().await,
            // a poll that was under way may have been too early, the next one is not;
            // whether there was anything to fetch is not known
            Some(polls) => {
                let _ = timeout(CLOSE_WITHIN, self.polled(polls + 2)).await;
            }
        }
    }

    async fn written(&self) {
        loop {
            let moved = self.session.moved();
            if self.is_closed() || self.outbox.lock().has_left(&self.session) {
                return;
            }
            moved.await;
        }
    }

    async fn polled(&self, times: usize) {
        loop {
            let moved = self.session.moved();
            if self.session.polls().is_none_or(|now| now >= times) {
                return;
            }
            moved.await;
        }
    }

    /// Notes that an event was refused; ends the socket of a client that gives cause for
    /// it too often, once it has the answers to the events before.
    pub(in crate::socket) fn record_client_error(self: &Arc<Self>, error: &Error) {
        if !error.is_of_client() || self.is_closed() {
            return;
        }
        let (ended, why) = match error {
            Error::RateLimited(_) => {
                // refused as it came: those that wait came before it
                (self.allowance.hurry() && self.fifo.lock().close(), "haste")
            }
            _ => (self.allowance.err() && self.fifo.lock().end(), "errors"),
        };
        if ended {
            tracing::debug!(socket = self.id.0, why, "closed: too many refused events");
            metrics::counter!("chatzz_sockets_ended_total", "why" => why).increment(1);
            let request = self.outbox.lock().request();
            self.disconnect_answered(request + CLOSE_WITHIN);
        }
    }
}
