//! Sockets that the server ends: their token is over, or somebody says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::connection::Connection;
use super::connection::session::CLOSE_WITHIN;
use crate::id::{ChatUserId, UserId};
use crate::service::IdInput;
use crate::service::presence::Departure;

/// How often tokens that are over are looked for: with the second that a client
/// has to close its connection itself, a socket is closed within two.
const TICK: Duration = Duration::from_millis(500);

/// Ends sockets whose token is over, until cancelled.
///
/// In a task of its own: the rest of housekeeping waits for the database.
pub(crate) async fn watch_expiry(context: Arc<Context>, cancelled: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = context.messenger.clock().now();
        for connection in context.hub.list() {
            if connection.has_expired(now) && context.end(&connection, Departure::Lost) {
                tracing::debug!(socket = connection.id.0, "closed: its token has expired");
                metrics::counter!("chatzz_sockets_ended_total", "why" => "expired").increment(1);
            }
        }
    }
}

impl Context {
    /// Ends every socket that speaks for a user; how many there were.
    pub(crate) fn end_user(&self, user: &UserId) -> usize {
        // first, so that none of them comes back on what is remembered
        self.authenticator.forget();
        let users = std::slice::from_ref(user);
        let all = self.hub.list().into_iter();
        self.end_all(all.filter(|connection| self.may_speak_for(connection, users)))
    }

    /// Ends every socket that is logged in as a chat user; how many there were.
    pub(crate) fn end_chat_user(&self, who: ChatUserId) -> usize {
        let all = self.hub.list().into_iter();
        self.end_all(all.filter(|connection| connection.me().is_some_and(|me| me.id == who)))
    }

    /// Ends every socket that speaks for whoever is named so, by the look-up of logins; how
    /// many there were. While the database does not answer, the collation of the users'
    /// collection counts for nothing.
    pub(crate) async fn end_named(&self, named: &IdInput) -> usize {
        // first, so that none of them comes back on what is remembered
        self.authenticator.forget();
        let people = self.messenger.directory();
        // also those whom the application has deleted, and each of several types
        let mut users = people.candidates(named);
        if let Ok(Some(user)) = people.find_anew(named).await {
            users.push(user.id.clone());
        }
        let mut theirs = Vec::new();
        for connection in self.hub.list() {
            if self.may_speak_for(&connection, &users)
                || self.is_proved_for(&connection, &users).await
            {
                theirs.push(connection);
            }
        }
        self.end_all(theirs)
    }

    fn end_all(&self, connections: impl IntoIterator<Item = Arc<Connection>>) -> usize {
        let mut ended = 0;
        for connection in connections {
            if self.end(&connection, Departure::Lost) {
                metrics::counter!("chatzz_sockets_ended_total", "why" => "operator").increment(1);
                ended += 1;
            }
        }
        ended
    }

    /// Whether a socket is logged in as one of these users, or presents a token that names
    /// them as they are.
    fn may_speak_for(&self, connection: &Connection, users: &[UserId]) -> bool {
        if let Some(me) = connection.me() {
            return users.contains(&me.user);
        }
        let identity = connection.identity();
        let Some(verified) = identity.verified() else {
            return false;
        };
        let people = self.messenger.directory();
        let may_be = people.candidates(&verified.user);
        may_be.iter().any(|user| users.contains(user))
    }

    /// Whether a socket that is not logged in presents a token that the collection takes for
    /// one of these users.
    async fn is_proved_for(&self, connection: &Connection, users: &[UserId]) -> bool {
        let identity = connection.identity();
        let (None, Some(verified)) = (connection.me(), identity.verified()) else {
            return false;
        };
        let found = self.messenger.directory().find(&verified.user).await;
        matches!(found, Ok(Some(user)) if users.contains(&user.id))
    }

    /// Ends a socket: nothing more is taken from it, others see its user go, and its client
    /// is asked to leave once it has the answers to what was accepted. `false` if it is
    /// ending already.
    pub(super) fn end(&self, connection: &Arc<Connection>, how: Departure) -> bool {
        if !connection.mark_ending() {
            return false;
        }
        connection.fifo.lock().end();
        if let Some(me) = connection.me() {
            self.withdraw(connection, me.id, how);
        }
        connection.disconnect_answered(CLOSE_WITHIN);
        true
    }
}
