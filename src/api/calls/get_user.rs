//! `GET /v1/users/{id}`: a user, and whether they are online at any server.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let who = IdInput::Text(call.id);
    let seen = call.api.operator.user(&who).await?;
    Ok(Reply::ok(&call::SeenUser::from(&seen)))
}
