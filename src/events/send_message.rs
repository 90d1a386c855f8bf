//! `send-message {userId, message, clientId?}`: says something to somebody.
//!
//! Once the message is durable all sockets of both sides get `new-message`, and
//! the client gets the stored message.

use std::sync::Arc;

use super::{Asker, Context};
use crate::service::Error;
use crate::wire::request;

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::SendMessage,
) -> Result<(), Error> {
    let messenger = &context.messenger;
    let draft = request.into_draft(messenger.max_chars())?;
    messenger.send(&asker.me, draft, asker.origin).await
}
