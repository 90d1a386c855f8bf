//! Sending all of a history, page after page, to a socket of dialect 1.
//!
//! One task for each such socket, as long as there is something to send: the next page is
//! read once the one before has left, so that a history of any length costs one page. The
//! events of the socket go on meanwhile. Pages have the rates of `CHATZZ_LIMIT_HISTORY` for
//! themselves: they wait where an event would be refused, and take nothing from events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Context;
use super::connection::Connection;
use super::connection::packet::Packet;
use crate::limits::Kind;
use crate::service::{Error, HistoryPage, HistoryQuery, Me};
use crate::wire::{Notice, Render as _};

/// Histories that wait for one socket; a front end asks for those of all its contacts.
const MAX_WAITING: usize = 1_000;
/// Pause before a page that could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is tried; then the client has to ask again.
const ATTEMPTS: usize = 30;

/// The rest of a history that a socket is to be sent.
pub(super) struct Walk {
    pub(super) me: Arc<Me>,
    pub(super) query: HistoryQuery,
}

/// The histories that a socket is being sent.
#[derive(Default)]
pub(super) struct Walks {
    waiting: VecDeque<Walk>,
    is_working: bool,
}

impl Walk {
    /// What follows after a page; `None` after the last one.
    pub(super) fn after(self, page: &HistoryPage) -> Option<Self> {
        let last = page.messages.last()?.message.seq;
        let query = HistoryQuery {
            since: None,
            after: Some(last),
            ..self.query
        };
        page.has_more.then_some(Self { query, ..self })
    }
}

impl Context {
    /// Sends the rest of a history, behind those that the socket waits for already.
    pub(super) fn send_history(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        walk: Walk,
    ) -> Result<(), Error> {
        let mut walks = connection.walks.lock();
        if walks.waiting.len() >= MAX_WAITING {
            return Err(Error::Overloaded);
        }
        walks.waiting.push_back(walk);
        if !std::mem::replace(&mut walks.is_working, true) {
            let (context, connection) = (Arc::clone(self), Arc::clone(connection));
            tokio::spawn(async move { context.send_histories(&connection).await });
        }
        Ok(())
    }

    async fn send_histories(&self, connection: &Arc<Connection>) {
        loop {
            let next = {
                let mut walks = connection.walks.lock();
                let next = walks.waiting.pop_front();
                walks.is_working = next.is_some();
                next
            };
            let Some(mut walk) = next else { return };
            while let Some(page) = self.next_page(connection, &walk).await {
                if !connection.is_of(&walk.me) {
                    break;
                }
                let page = Arc::new(page);
                let handed = page.sent_ranges.into_iter().collect();
                let notice = Notice::OldMessages(Arc::clone(&page));
                let packet = Packet::event(notice.render(connection.dialect()));
                connection.send(packet.handing(handed));
                match walk.after(&page) {
                    Some(rest) => walk = rest,
                    None => break,
                }
            }
        }
    }

    /// The next page, once the one before has left; `None` when the socket is gone, its
    /// token is over, it is somebody else's by now, or the database does not answer for long.
    async fn next_page(&self, connection: &Arc<Connection>, walk: &Walk) -> Option<HistoryPage> {
        for _ in 0..ATTEMPTS {
            connection.drained().await;
            while let Err(wait) = connection.allowance.take(Kind::HistoryWalk) {
                tokio::select! {
                    () = connection.closed() => return None,
                    () = sleep(wait) => {}
                }
            }
            let has_expired = connection.has_expired(self.messenger.clock().now());
            let is_over = connection.is_closed() || self.is_draining() || has_expired;
            if is_over || !connection.is_of(&walk.me) {
                return None;
            }
            match self.messenger.history(&walk.me, &walk.query).await {
                Ok(page) => return Some(page),
                Err(Error::Unavailable) => sleep(RETRY).await,
                Err(error) => {
                    tracing::debug!(%error, "a history ends early");
                    return None;
                }
            }
        }
        None
    }
}
