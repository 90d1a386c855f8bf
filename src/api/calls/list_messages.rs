//! `GET /v1/chat-rooms/{id}/messages`: a page of a conversation, which marks nothing.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::id::{ChatRoomId, Seq};
use crate::service::{Error, PageQuery};
use crate::wire::call;

/// Which messages.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Messages after this `seq`, from there on; without it the newest.
    #[serde(default)]
    after: Option<Seq>,
    /// Messages before this `seq`.
    #[serde(default)]
    before: Option<Seq>,
    /// How many at most: at least 1, and no more than `CHATZZ_HISTORY_MAX`.
    #[serde(default)]
    limit: Option<i64>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Query(wanted): Query<Wanted>,
) -> Result<Reply, Problem> {
    let room = ChatRoomId::parse(&call.id).ok_or(Error::NoChatRoom)?;
    let query = PageQuery {
        after: wanted.after,
        before: wanted.before,
        limit: wanted.limit,
    };
    let page = call.api.operator.messages(room, query).await?;
    Ok(Reply::ok(&call::Messages::from(&page)))
}
