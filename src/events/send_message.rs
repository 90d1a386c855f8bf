//! `send-message {userId, message, clientId?}`: says something to somebody.
//!
//! Once the message is durable all sockets of both sides get `new-message`, and
//! the client gets the stored message.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::{Context, room_event};
use crate::lanes::Origin;
use crate::wire::request;

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
    origin: Origin,
) {
    let messenger = &context.messenger;
    room_event::submit(context, connection, origin, async |me| {
        let request: request::SendMessage = request::decode(payload)?;
        let draft = request.into_draft(messenger.max_chars())?;
        messenger.send(me, draft, origin).await
    })
    .await;
}
