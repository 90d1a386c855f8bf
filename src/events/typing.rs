//! `typing {userId, typing?}`: somebody is writing to one, or has stopped.
//!
//! The other's sockets here get `user-typing`, which ends by itself. Nothing is
//! stored, and where somebody blocked the other nobody is told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::packet::Worth;
use super::{Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

/// How long somebody is shown as typing who says no more: twice the three
/// seconds after which clients say it again.
const SHOWN: Duration = Duration::from_secs(6);

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
) -> Result<Outcome, Error> {
    let me = connection.me().ok_or(Error::NotConnected)?;
    let request: request::Typing = request::decode(payload)?;
    let typing = context.messenger.typing(me, &request.user_id);
    if let Some(passing) = typing.await? {
        let more = if request.typing.unwrap_or(true) {
            SHOWN
        } else {
            Duration::ZERO
        };
        let until = context.messenger.clock().after(more);
        let json = envelope::user_typing(&passing, until);
        context.delivery.pass_on(passing.to, &json, Worth::Moment);
    }
    Ok(Outcome::of(envelope::result::done(), Vec::new()))
}
