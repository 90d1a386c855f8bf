//! `POST /v1/presence`: which users are online, at any server.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::service::{Error, IdInput};
use crate::wire::call;

/// Most users of a call.
const MAX_USERS: usize = 1_000;

/// Users.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Users {
    /// At most 1,000.
    #[schemars(length(max = 1_000))]
    users: Vec<IdInput>,
}

impl Users {
    /// The users, if they are not too many.
    pub(in crate::api) fn checked(self) -> Result<Vec<IdInput>, Error> {
        if self.users.len() > MAX_USERS {
            let text = format!("users: must be {MAX_USERS} at most");
            return Err(Error::BadRequest(text));
        }
        Ok(self.users)
    }
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(request): Body<Users>,
) -> Result<Reply, Problem> {
    let users = request.checked()?;
    let presence = call.api.operator.presence(&users).await?;
    Ok(Reply::ok(&call::Presences::new(&users, &presence)))
}
