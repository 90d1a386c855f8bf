//! `PUT /v1/chat-rooms`: opens the chat room of two users, as an `add-chat-user` would.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::send_message::{Rule, bypass};
use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

/// A chat room to open.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct OpenChatRoom {
    /// The user who adds the other.
    from: IdInput,
    /// The other.
    to: IdInput,
    /// Rules that do not hold for it.
    #[serde(default)]
    bypass: Vec<Rule>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(request): Body<OpenChatRoom>,
) -> Result<Reply, Problem> {
    let OpenChatRoom {
        from,
        to,
        bypass: rules,
    } = request;
    let operator = &call.api.operator;
    let opened = operator.open(&from, &to, bypass(&rules)).await?;
    let status = if opened.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let answer = call::OpenedChatRoom::from(&opened);
    Ok(Reply::new(status, &answer).about(opened.id))
}
