//! `block-user {userId}`: somebody can write to one no more.
//!
//! One's own other sockets get `privacy-changed`; the blocked sees one go
//! offline, as with any other reason to.

use crate::service::Error;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::BlockUser,
) -> Result<Outcome, Error> {
    let messenger = &call.context.messenger;
    let (user, is_news) = messenger.block(&call.me, &request.user_id).await?;
    let notice = is_news.then_some((Audience::OwnOthers, Notice::BlockChanged(user, true)));
    Ok(Outcome::new(Reply::Blocked(true), notice))
}
