//! `POST /v1/users/{id}/signals`: hands something to the devices of a user that are
//! connected, as an `app-signal`. It is not stored.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::service::IdInput;
use crate::wire::call;
use crate::wire::request::small_json;

/// Something for the front end.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Signal {
    /// Any JSON, sent on unchanged, at most 4 KiB.
    #[schemars(with = "Value")]
    #[serde(deserialize_with = "small_json")]
    data: Box<RawValue>,
}

pub(in crate::api) async fn handle(
    call: Call,
    Body(Signal { data }): Body<Signal>,
) -> Result<Reply, Problem> {
    let who = IdInput::Text(call.id);
    let online = call.api.operator.signal(&who, &data).await?;
    Ok(Reply::ok(&call::Online { online }))
}
