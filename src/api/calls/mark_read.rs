//! `POST /v1/users/{id}/read`: marks what a user received from another one as read, such as
//! for "mark as read" on a notification. It is heard as a `message-read` is.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::id::Seq;
use crate::service::{Error, IdInput};
use crate::wire::call;

/// What is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct MarkRead {
    /// The user who sent it.
    with: IdInput,
    /// Up to which `seq`; without it everything.
    #[serde(default)]
    up_to: Option<Seq>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(MarkRead { with, up_to }): Body<MarkRead>,
) -> Result<Reply, Problem> {
    if up_to.is_some_and(|seq| seq < 1) {
        return Err(Error::BadRequest("upTo: must be a positive integer".into()).into());
    }
    let about = call.id.clone();
    let reader = IdInput::Text(call.id);
    let count = call.api.operator.mark_read(&reader, with, up_to).await?;
    Ok(Reply::ok(&call::Read { read: count }).about(about))
}
