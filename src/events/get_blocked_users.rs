//! `get-blocked-users {}`: whom one has blocked.

use super::{Call, Outcome};
use crate::service::Error;
use crate::wire::{Reply, request};

pub(super) async fn handle(call: Call, _: request::GetBlockedUsers) -> Result<Outcome, Error> {
    let users = call.context.messenger.blocked(&call.me).await?;
    Ok(Outcome::new(Reply::Users(users), None))
}
