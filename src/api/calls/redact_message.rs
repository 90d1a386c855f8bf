//! `POST /v1/messages/{id}/redact`: removes what a message says.
//!
//! It keeps its place, its people and its receipts. Both people hear `message-changed`.

use crate::api::problem::Problem;
use crate::api::read::Nothing;
use crate::api::{Call, Reply};
use crate::id::MessageId;
use crate::service::Error;
use crate::wire::call;

pub(in crate::api) async fn handle(call: Call, _: Nothing) -> Result<Reply, Problem> {
    let id = MessageId::parse(&call.id).ok_or(Error::MessageNotFound)?;
    let stored = call.api.operator.redact(id).await?;
    Ok(Reply::ok(&call::Message::from(&stored)).about(id))
}
