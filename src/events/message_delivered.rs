//! `message-delivered {userId, upTo}`: the receiver has messages.
//!
//! Their sender's sockets get `message-status-changed` for what was `not_sent`;
//! the client gets how many that were.

use std::sync::Arc;

use super::{Asker, Context};
use crate::service::{Error, Receipt};
use crate::wire::request;

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::MessageDelivered,
) -> Result<(), Error> {
    let receipt = Receipt::try_from(request)?;
    let messenger = &context.messenger;
    messenger.receipt(&asker.me, receipt, asker.origin).await
}
