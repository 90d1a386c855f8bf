//! `DELETE /v1/users/{id}/sockets`: ends the sockets of a user at all servers. Withdraw their
//! token first: a good one lets them come back.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let about = call.id.clone();
    let ended = call.api.operator.end_everywhere(call.id).await?;
    Ok(Reply::ok(&call::Ended { ended }).about(about))
}
