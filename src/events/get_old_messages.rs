//! `get-old-messages {userId, date?, before?, after?, limit?}`: a page of history.
//!
//! The client gets the page in its acknowledgement, or as `old-messages` when
//! it asked without one, or both with `envelope: true`.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::{Audience, Context, Outcome};
use crate::service::{Error, HistoryQuery};
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
    has_ack: bool,
) -> Result<Outcome, Error> {
    let me = connection.me().ok_or(Error::NotConnected)?;
    let request: request::GetOldMessages = request::decode(payload)?;
    let wants_envelope = request.wants_envelope() || !has_ack;
    let query = HistoryQuery::from(request);
    let page = context.messenger.history(me, &query).await?;
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
