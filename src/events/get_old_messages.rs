//! `get-old-messages {userId, date?, before?, after?, limit?}`: a page of history.
//!
//! The client gets the page in its acknowledgement, or as `old-messages` when
//! it asked without one, or both with `envelope: true`.

use std::sync::Arc;

use super::{Asker, Audience, Context, Outcome};
use crate::service::{Error, HistoryQuery};
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::GetOldMessages,
) -> Result<Outcome, Error> {
    let wants_envelope = request.wants_envelope() || asker.origin.ack.is_none();
    let query = HistoryQuery::from(request);
    let page = context.messenger.history(&asker.me, &query).await?;
    let deliveries = if wants_envelope {
        vec![(Audience::Asker, envelope::old_messages(&page))]
    } else {
        Vec::new()
    };
    let ack = envelope::result::history(&page);
    Ok(Outcome {
        handed_over: page.handed_over.into_iter().collect(),
        ..Outcome::of(ack, deliveries)
    })
}
