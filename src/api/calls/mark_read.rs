//! `POST /v1/users/{id}/read`: marks what a user received from another one as read, such as
//! for "mark as read" on a notification. It is heard as a `message-read` is.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::id::Seq;
use crate::service::{Error, IdInput, Receipt};
use crate::wire::call;

/// What is read, or has arrived.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct MarkRead {
    /// The user who sent it.
    with: IdInput,
    /// Up to which `seq`; without it everything.
    #[serde(default)]
    up_to: Option<Seq>,
}

impl MarkRead {
    /// Who sent it, and up to where.
    pub(in crate::api) fn checked(self) -> Result<(IdInput, Seq), Error> {
        let up_to = self.up_to.unwrap_or(Seq::MAX);
        if up_to < 1 {
            return Err(Error::BadRequest("upTo: must be a positive integer".into()));
        }
        Ok((self.with, up_to))
    }
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(marked): Body<MarkRead>,
) -> Result<Reply, Problem> {
    let (with, up_to) = marked.checked()?;
    let about = call.id.clone();
    let reader = IdInput::Text(call.id);
    let receipt = Receipt::ReadUpTo(with, up_to);
    let count = call.api.operator.advance(&reader, receipt).await?;
    Ok(Reply::ok(&call::Read { read: count }).about(about))
}
