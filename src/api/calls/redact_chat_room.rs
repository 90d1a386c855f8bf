//! `POST /v1/chat-rooms/{id}/redact`: removes what the messages of a chat room say, those of
//! one of the two or all, up to 500 at a time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::id::{ChatRoomId, Seq};
use crate::service::{Error, IdInput};
use crate::wire::call;

/// Which messages.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Only those of this user.
    #[serde(default)]
    from: Option<IdInput>,
    /// Only those after this `seq`: `upTo` of the answer before.
    #[serde(default)]
    after: Option<Seq>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(wanted): Body<Wanted>,
) -> Result<Reply, Problem> {
    let room = ChatRoomId::parse(&call.id).ok_or(Error::NoChatRoom)?;
    let after = wanted.after.unwrap_or(0);
    let operator = &call.api.operator;
    let redacted = operator.redact_next(room, wanted.from.as_ref(), after);
    Ok(Reply::ok(&call::Redacted::from(&redacted.await?)).about(room))
}
