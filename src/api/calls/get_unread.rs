//! `POST /v1/unread`: how many unread messages users have, such as for badges.

use super::get_presence::Users;
use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::wire::call;

pub(in crate::api) async fn handle(
    call: Call,
    Body(request): Body<Users>,
) -> Result<Reply, Problem> {
    let users = request.checked()?;
    let unread = call.api.operator.unread(&users).await?;
    Ok(Reply::ok(&call::Unread::new(&users, &unread)))
}
