//! `send-message {userId, message, kind?, data?, clientId?}`: says something to somebody.
//!
//! Once the message is durable all sockets of both sides get `new-message`, and
//! the client gets the stored message.

use crate::hooks::Turn;
use crate::rooms::Caller;
use crate::service::Error;
use crate::socket::Call;
use crate::wire::request;

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::SendMessage,
    caller: Caller,
    turn: Option<Turn>,
) -> Result<(), Error> {
    let messenger = &call.context.messenger;
    let draft = request.into_draft(messenger.content_rules())?;
    messenger.send(&call.me, draft, caller, turn).await
}
