//! `block-user {userId}`: somebody can write to one no more.
//!
//! One's own other sockets get `privacy-changed`; the blocked sees one go
//! offline, as with any other reason to.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::{Audience, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
) -> Result<Outcome, Error> {
    let me = connection.me().ok_or(Error::NotConnected)?;
    let request: request::BlockUser = request::decode(payload)?;
    let outlet = context.delivery.as_ref();
    let blocking = context.messenger.block(me, &request.user_id, outlet);
    let (user, is_news) = blocking.await?;
    let told = is_news.then(|| envelope::block_changed(&user, true));
    let told = told.map(|json| (Audience::OwnOthers, json));
    let ack = envelope::result::blocked(true);
    Ok(Outcome::of(ack, told.into_iter().collect()))
}
