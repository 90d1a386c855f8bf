//! `signal {userId, data}`: a word from one front end to another, not stored.
//!
//! The other's sockets, here and by NATS at other servers, get `user-signal`, and the
//! client hears whether there was one.

use crate::feed::bus::Item;
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
        let (context, to) = (&call.context, ephemeral.to);
        let notice = Notice::UserSignal(&me.user, &request.data);
        let elsewhere = context.send_to_neighbours(me.id, to, &notice, Item::Signal);
        let here = context.hub.send_ephemeral(to, notice, DropPolicy::Crowded);
        here || elsewhere
    });
    Ok(Outcome::new(Reply::Online(online), None))
}
