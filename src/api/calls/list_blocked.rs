//! `GET /v1/users/{id}/blocks`: whom a user blocked, the first blocked first.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

/// Which of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Only those behind this user, who must be blocked.
    #[serde(default)]
    after: Option<String>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Query(Wanted { after }): Query<Wanted>,
) -> Result<Reply, Problem> {
    let (who, after) = (IdInput::Text(call.id), after.map(IdInput::Text));
    let page = call.api.operator.blocked(&who, after.as_ref()).await?;
    Ok(Reply::ok(&call::BlockedUsers::from(&page)))
}
