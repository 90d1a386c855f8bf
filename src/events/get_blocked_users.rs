//! `get-blocked-users {}`: whom one has blocked.

use std::sync::Arc;

use super::{Asker, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    _: request::GetBlockedUsers,
) -> Result<Outcome, Error> {
    let users = context.messenger.blocked(&asker.me).await?;
    Ok(Outcome::of(envelope::result::users(&users), Vec::new()))
}
