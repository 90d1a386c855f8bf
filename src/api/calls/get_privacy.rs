//! `GET /v1/users/{id}/privacy`: who may write to a user.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let who = IdInput::Text(call.id);
    let settings = call.api.operator.privacy(&who).await?;
    Ok(Reply::ok(&call::Privacy::from(&settings)))
}
