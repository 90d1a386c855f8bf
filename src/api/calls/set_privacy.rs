//! `PUT /v1/users/{id}/privacy`: sets who may write to a user, as by `set-privacy`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::service::{Error, IdInput};
use crate::wire::call;

/// Who may write; what is left out stays as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct SetPrivacy {
    /// Whether only those on the whitelist may.
    #[serde(default)]
    whitelist_only: Option<bool>,
    /// The whole whitelist, at most 1,000 users.
    #[serde(default)]
    whitelist: Option<Vec<IdInput>>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(wanted): Body<SetPrivacy>,
) -> Result<Reply, Problem> {
    let SetPrivacy {
        whitelist_only,
        whitelist,
    } = wanted;
    if whitelist_only.is_none() && whitelist.is_none() {
        let detail = "write `whitelistOnly`, `whitelist` or both";
        return Err(Error::BadRequest(detail.into()).into());
    }
    let about = call.id.clone();
    let who = IdInput::Text(call.id);
    let operator = &call.api.operator;
    let settings = operator
        .set_privacy(&who, whitelist_only, whitelist)
        .await?;
    Ok(Reply::ok(&call::Privacy::from(&settings)).about(about))
}
