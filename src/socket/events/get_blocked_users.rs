//! `get-blocked-users {after?}`: whom one has blocked, by pages.

use crate::service::Error;
use crate::socket::{Call, Outcome};
use crate::wire::{Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::GetBlockedUsers,
) -> Result<Outcome, Error> {
    let after = request.after.as_ref();
    let page = call.context.messenger.blocked(&call.me, after).await?;
    Ok(Outcome::new(Reply::Users(page), None))
}
