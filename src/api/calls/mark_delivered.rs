//! `POST /v1/users/{id}/delivered`: marks what a user received from another one as sent, such
//! as when a notification has arrived. It is heard as a `message-delivered` is.

use crate::api::calls::mark_read::MarkRead;
use crate::api::problem::Problem;
use crate::api::read::Body;
use crate::api::{Call, Reply};
use crate::service::{IdInput, Receipt};
use crate::wire::call;

pub(in crate::api) async fn handle(
    call: Call,
    Body(marked): Body<MarkRead>,
) -> Result<Reply, Problem> {
    let (with, up_to) = marked.checked()?;
    let about = call.id.clone();
    let reader = IdInput::Text(call.id);
    let receipt = Receipt::DeliveredUpTo(with, up_to);
    let count = call.api.operator.advance(&reader, receipt).await?;
    Ok(Reply::ok(&call::Delivered { delivered: count }).about(about))
}
