//! `get-old-messages {userId, date?, before?, after?, limit?}`: a page of history.
//!
//! The client gets the page in its acknowledgement, or as `old-messages` when
//! it asked without one, or both with `envelope: true`.

use std::sync::Arc;

use crate::service::Error;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::GetOldMessages,
) -> Result<Outcome, Error> {
    let wants_envelope = request.wants_envelope() || call.origin.ack.is_none();
    let query = request.into_query(call.connection.people());
    let page = Arc::new(call.context.messenger.history(&call.me, &query).await?);
    let notice = Notice::OldMessages(Arc::clone(&page));
    let notice = wants_envelope.then_some((Audience::Asker, notice));
    Ok(Outcome {
        sent_ranges: page.sent_ranges.into_iter().collect(),
        ..Outcome::new(Reply::History(page), notice)
    })
}
