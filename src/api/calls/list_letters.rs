//! `GET /v1/events/letters`: events that were set aside, since they were not taken.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Query;
use crate::api::{Call, Reply};
use crate::service::Error;
use crate::wire::event::Letters;

/// How many letters there are in an answer, unless the call says otherwise, and at most.
const LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

/// Which letters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wanted {
    /// Those behind this one, by its `id`.
    #[serde(default)]
    after: String,
    /// How many at most, 1 to 500.
    #[serde(default)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Query(wanted): Query<Wanted>,
) -> Result<Reply, Problem> {
    let limit = wanted.limit.unwrap_or(LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let text = format!("limit: must be 1 to {MAX_LIMIT}");
        return Err(Error::BadRequest(text).into());
    }
    let asked = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let found = call.api.operator.letters(&wanted.after, asked).await?;
    let letters = found.iter().take(limit).map(Into::into);
    Ok(Reply::ok(&Letters {
        letters: letters.collect(),
        has_more: found.len() > limit,
    }))
}
