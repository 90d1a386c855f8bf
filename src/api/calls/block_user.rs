//! `PUT /v1/users/{id}/blocks/{other}`: a user blocks another one, as by `block-user`.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let about = format!("{} {}", call.id, call.other);
    let (who, whom) = (IdInput::Text(call.id), IdInput::Text(call.other));
    call.api.operator.set_blocked(&who, &whom, true).await?;
    Ok(Reply::ok(&call::Blocked { blocked: true }).about(about))
}
