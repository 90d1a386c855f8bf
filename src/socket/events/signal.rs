//! `signal {userId, data}`: a word from one front end to another, not stored.
//!
//! The other's sockets here get `user-signal`, and the client hears whether there
//! was one.

use crate::service::Error;
use crate::socket::connection::packet::DropPolicy;
use crate::socket::{Call, Outcome};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::Signal,
) -> Result<Outcome, Error> {
    let (messenger, me) = (&call.context.messenger, &call.me);
    let ephemeral = messenger.signal(me, &request.user_id).await?;
    let online = ephemeral.is_some_and(|ephemeral| {
        let notice = Notice::UserSignal(&me.user, &request.data);
        call.context
            .hub
            .send_ephemeral(ephemeral.to, notice, DropPolicy::Crowded)
    });
    Ok(Outcome::new(Reply::Online(online), None))
}
