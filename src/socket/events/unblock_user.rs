//! `unblock-user {userId}`: somebody can write to one again.
//!
//! One's own other sockets get `privacy-changed`; who was blocked sees one come
//! online.

use crate::service::Error;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::UnblockUser,
) -> Result<Outcome, Error> {
    let (messenger, hub) = (&call.context.messenger, call.context.hub.as_ref());
    let changing = messenger.unblock(&call.me, &request.user_id, hub);
    let (user, is_news) = changing.await?;
    let notice = is_news.then_some((Audience::OwnOthers, Notice::BlockChanged(user, false)));
    Ok(Outcome::new(Reply::Blocked(false), notice))
}
