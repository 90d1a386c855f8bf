//! `GET /v1/users/{id}/chat-rooms`: the inbox of a user, a page at a time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::service::{ActiveQuery, IdInput};
use crate::wire::call;

/// Which of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Those behind the chat room with this user, the last one of the page before.
    #[serde(default)]
    after: Option<IdInput>,
    /// How many at most: 1 to 500, 100 when it is absent.
    #[serde(default)]
    limit: Option<i64>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Query(Wanted { after, limit }): Query<Wanted>,
) -> Result<Reply, Problem> {
    let query = ActiveQuery {
        after,
        limit,
        all: true,
    };
    let who = IdInput::Text(call.id);
    let page = call.api.operator.contacts(&who, &query).await?;
    Ok(Reply::ok(&call::Contacts::from(&page)))
}
