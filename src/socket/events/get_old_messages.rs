//! `get-old-messages {userId, date?, before?, after?, limit?}`: a page of history.
//!
//! The client gets the page in its acknowledgement, or as `old-messages` when
//! it asked without one, or both with `envelope: true`. In dialect 1 it gets everything, as
//! `old-messages` after `old-messages`.

use std::sync::Arc;

use crate::service::Error;
use crate::socket::connection::packet::Packet;
use crate::socket::history_walk::Walk;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Render as _, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::GetOldMessages,
) -> Result<Outcome, Error> {
    if call.connection.is_in_dialect1() {
        return send_all(call, request).await;
    }
    let wants_envelope = call.origin.envelope || call.origin.ack.is_none();
    let query = request.into_query(call.connection.people())?;
    let page = Arc::new(call.context.messenger.history(&call.me, &query).await?);
    let notice = Notice::OldMessages(Arc::clone(&page));
    let notice = wants_envelope.then_some((Audience::Asker, notice));
    Ok(Outcome {
        sent_ranges: page.sent_ranges.into_iter().collect(),
        ..Outcome::new(Reply::History(page), notice)
    })
}

/// Sends the first page, and lets the others follow.
async fn send_all(call: Call, request: request::GetOldMessages) -> Result<Outcome, Error> {
    let query = request.into_query_of_all();
    let page = Arc::new(call.context.messenger.history(&call.me, &query).await?);
    // before the others can: they follow in a task
    let notice = Notice::OldMessages(Arc::clone(&page));
    let packet = Packet::event(notice.render(call.connection.dialect()));
    let handed = page.sent_ranges.into_iter().collect();
    call.connection.send(packet.handing(handed));
    let walk = Walk { me: call.me, query };
    if let Some(rest) = walk.after(&page) {
        call.context.send_history(&call.connection, rest)?;
    }
    Ok(Outcome::new(Reply::History(page), None))
}
