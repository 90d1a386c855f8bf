//! `message-read {messageId}` or `{userId, upTo}`: the receiver read messages.
//!
//! Their sender's sockets and the reader's others get `message-status-changed`;
//! the client gets the message, or how many it were.

use crate::rooms::Caller;
use crate::service::{Error, Receipt};
use crate::socket::Call;
use crate::wire::request;

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::MessageRead,
    caller: Caller,
) -> Result<(), Error> {
    let receipt = Receipt::try_from(request)?;
    let messenger = &call.context.messenger;
    messenger.receipt(&call.me, receipt, caller).await
}
