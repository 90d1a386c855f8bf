//! `get-blocked-users {}`: whom one has blocked.

use crate::service::Error;
use crate::socket::{Call, Outcome};
use crate::wire::{Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    _: request::GetBlockedUsers,
) -> Result<Outcome, Error> {
    let users = call.context.messenger.blocked(&call.me).await?;
    Ok(Outcome::new(Reply::Users(users), None))
}
