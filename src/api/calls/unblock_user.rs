//! `DELETE /v1/users/{id}/blocks/{other}`: a user unblocks another one, as by `unblock-user`.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let about = format!("{} {}", call.id, call.other);
    let (who, whom) = (IdInput::Text(call.id), IdInput::Text(call.other));
    call.api.operator.set_blocked(&who, &whom, false).await?;
    Ok(Reply::ok(&call::Blocked { blocked: false }).about(about))
}
