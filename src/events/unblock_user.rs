//! `unblock-user {userId}`: somebody can write to one again.
//!
//! One's own other sockets get `privacy-changed`; who was blocked sees one come
//! online.

use std::sync::Arc;

use super::{Asker, Audience, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::UnblockUser,
) -> Result<Outcome, Error> {
    let (messenger, hub) = (&context.messenger, context.delivery.as_ref());
    let changing = messenger.unblock(&asker.me, &request.user_id, hub);
    let (user, is_news) = changing.await?;
    let notice = is_news.then(|| envelope::block_changed(&user, false));
    let notice = notice.map(|json| (Audience::OwnOthers, json));
    let ack = envelope::result::blocked(false);
    Ok(Outcome::of(ack, notice.into_iter().collect()))
}
