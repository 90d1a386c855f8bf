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
    let messenger = &call.context.messenger;
    let (user, is_news) = messenger.unblock(&call.me, &request.user_id).await?;
    let notice = is_news.then_some((Audience::OwnOthers, Notice::BlockChanged(user, false)));
    Ok(Outcome::new(Reply::Blocked(false), notice))
}
