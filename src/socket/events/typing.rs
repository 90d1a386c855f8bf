//! `typing {userId, typing?}`: somebody is writing to one, or has stopped.
//!
//! The other's sockets, here and by NATS at other servers, get `user-typing`, which ends by itself. Nothing is
//! stored, and where somebody blocked the other nothing is sent.

use std::time::Duration;

use crate::feed::bus::Item;
use crate::service::Error;
use crate::socket::connection::packet::DropPolicy;
use crate::socket::{Call, Outcome};
use crate::wire::{Notice, Reply, request};

/// How long somebody is shown as typing who says no more: twice the three
/// seconds after which clients say it again.
const SHOWN: Duration = Duration::from_secs(6);

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::Typing,
) -> Result<Outcome, Error> {
    let messenger = &call.context.messenger;
    if let Some(ephemeral) = messenger.typing(&call.me, &request.user_id).await? {
        let more = if request.typing.unwrap_or(true) {
            SHOWN
        } else {
            Duration::ZERO
        };
        let to = ephemeral.to;
        let notice = Notice::UserTyping(&ephemeral, messenger.clock().after(more));
        call.context
            .send_to_neighbours(call.me.id, to, &notice, Item::Typing);
        call.context
            .hub
            .send_ephemeral(to, notice, DropPolicy::Full);
    }
    Ok(Outcome::new(Reply::Done, None))
}
