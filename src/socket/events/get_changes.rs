//! `get-changes {userId, afterRev, limit?}`: the messages with somebody that were changed
//! since a `rev`, as they are now.

use std::sync::Arc;

use crate::service::Error;
use crate::socket::{Call, Outcome};
use crate::wire::{Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::GetChanges,
) -> Result<Outcome, Error> {
    let messenger = &call.context.messenger;
    let people = call.connection.people();
    let range = (i64::from(request.after_rev), request.limit);
    let page = messenger
        .changes(&call.me, &request.user_id, range, people)
        .await?;
    Ok(Outcome::new(Reply::Changes(Arc::new(page)), None))
}
