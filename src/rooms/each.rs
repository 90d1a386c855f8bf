//! The messages of a range, for sockets that are announced each one by itself.

use super::command::Outlet;
use crate::domain::Message;
use crate::id::Seq;
use crate::store::Store;
use crate::store::messages::Page;

/// Most messages that are announced one by one for one receipt, beside the newest one.
const MAX_OTHERS: usize = 499;
/// Bytes of them after which no more are read: more are not announced.
const MAX_BYTES: usize = 512 * 1024;
/// Messages that are read at once: of the longest ones, 2 MiB.
const PORTION: i64 = 32;

/// Reads the messages of a range that got further with its newest one, if somebody here is
/// to be announced them.
///
/// The receipt is stored by then, and is announced in any case: when the database cannot
/// answer, those that were read stand for them until the client reads the history.
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
    let mut page = Page {
        after: oldest - 1,
        before: newest.seq,
        ascending: false,
        limit: PORTION,
        viewer: None,
    };
    let (mut messages, mut bytes) = (Vec::new(), 0);
    while messages.len() < MAX_OTHERS && bytes < MAX_BYTES && page.after + 1 < page.before {
        let found = match store.messages.list_page(newest.chat_room, page).await {
            Ok(found) => found,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "of a receipt, not all messages are announced");
                break;
            }
        };
        let Some(last) = found.last() else { break };
        page.before = last.seq;
        // not what the reader wrote in between, nor what is withheld
        let found = found.into_iter().filter(|one| one.to == newest.to);
        messages.extend(found.inspect(|one| bytes += one.content_bytes()));
    }
    messages.truncate(MAX_OTHERS);
    messages.reverse();
    messages
}
