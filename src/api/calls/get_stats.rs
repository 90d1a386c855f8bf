//! `GET /v1/stats`: how much there is, about.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let stats = call.api.operator.stats().await?;
    Ok(Reply::ok(&call::Stats::from(&stats)))
}
