//! `message-delivered {userId, upTo}`: the receiver has messages.
//!
//! Their sender's sockets get `message-status-changed` for what was `not_sent`;
//! the client gets how many that were.

use crate::rooms::Caller;
use crate::service::{Error, Receipt};
use crate::socket::Call;
use crate::wire::request;

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::MessageDelivered,
    caller: Caller,
) -> Result<(), Error> {
    let receipt = Receipt::try_from(request)?;
    let messenger = &call.context.messenger;
    messenger.receipt(&call.me, receipt, caller).await
}
