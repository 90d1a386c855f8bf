//! `POST /v1/events/letters/{id}/retry`: has an event that was set aside pushed again.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::wire::event::Letter;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let found = call.api.operator.retry_letter(&call.id).await?;
    let letter = found.ok_or_else(Problem::no_letter)?;
    Ok(Reply::ok(&Letter::from(&letter)).about(&call.id))
}
