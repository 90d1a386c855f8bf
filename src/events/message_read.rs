//! `message-read {messageId}` or `{userId, upTo}`: the receiver read messages.
//!
//! Their sender's sockets and the reader's others get `message-status-changed`;
//! the client gets the message, or how many it were.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::{Context, room_event};
use crate::lanes::Origin;
use crate::service::Receipt;
use crate::wire::request;

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
    origin: Origin,
) {
    let messenger = &context.messenger;
    room_event::submit(context, connection, origin, async |me| {
        let request: request::MessageRead = request::decode(payload)?;
        messenger
            .receipt(me, Receipt::try_from(request)?, origin)
            .await
    })
    .await;
}
