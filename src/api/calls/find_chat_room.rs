//! `GET /v1/chat-rooms?user=…&with=…`: the chat room of two users.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

/// Whose chat room.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Pair {
    /// One of the two users.
    user: IdInput,
    /// The other one of the two users.
    with: IdInput,
}

pub(in crate::api) async fn handle(
    call: Call,
    Query(Pair { user, with }): Query<Pair>,
) -> Result<Reply, Problem> {
    let room = call.api.operator.chat_room_of(&user, &with).await?;
    Ok(Reply::ok(&call::ChatRoom::new(&room)))
}
