//! The messages of a range, for sockets that are announced each one by itself.

use super::command::Outlet;
use crate::domain::Message;
use crate::id::Seq;
use crate::store::Store;
use crate::store::messages::Page;

/// Most messages that are announced one by one for one receipt: the newest.
const MAX_EACH: i64 = 500;

/// Reads the messages of a range that got further with its newest one, if somebody here is
/// to be announced them.
///
/// The receipt is stored by then, and is announced in any case: when the database cannot
/// answer, the newest message stands for them until the client reads the history.
pub(super) async fn others(
    store: &Store,
    outlet: &dyn Outlet,
    newest: &Message,
    oldest: Option<Seq>,
) -> Vec<Message> {
    let Some(oldest) = oldest else {
        return Vec::new();
    };
    if !outlet.hears_each([newest.from, newest.to]) {
        return Vec::new();
    }
    let page = Page {
        after: oldest - 1,
        before: newest.seq,
        ascending: false,
        limit: MAX_EACH - 1,
        viewer: None,
    };
    let mut messages = match store.messages.list_page(newest.chat_room, page).await {
        Ok(messages) => messages,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "of a receipt, only the newest message is announced");
            return Vec::new();
        }
    };
    // not what the reader wrote in between, nor what is withheld
    messages.retain(|message| message.to == newest.to);
    messages.reverse();
    messages
}
