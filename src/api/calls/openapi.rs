//! `GET /v1/openapi.json`: what the API can do, for generators and tools.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply, openapi};

pub(in crate::api) async fn handle(_: Call, _: Nothing) -> Result<Reply, Problem> {
    Ok(Reply::ok(&openapi()))
}
