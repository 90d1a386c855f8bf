//! `message-read {messageId}` or `{userId, upTo}`: the receiver read messages.
//!
//! Their sender's sockets and the reader's others get `message-status-changed`;
//! the client gets the message, or how many it were.

use std::sync::Arc;

use super::{Asker, Context};
use crate::service::{Error, Receipt};
use crate::wire::request;

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::MessageRead,
) -> Result<(), Error> {
    let receipt = Receipt::try_from(request)?;
    let messenger = &context.messenger;
    messenger.receipt(&asker.me, receipt, asker.origin).await
}
