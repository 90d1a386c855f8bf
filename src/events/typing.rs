//! `typing {userId, typing?}`: somebody is writing to one, or has stopped.
//!
//! The other's sockets here get `user-typing`, which ends by itself. Nothing is
//! stored, and where somebody blocked the other nobody is told.

use std::sync::Arc;
use std::time::Duration;

use super::packet::Worth;
use super::{Asker, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

/// How long somebody is shown as typing who says no more: twice the three
/// seconds after which clients say it again.
const SHOWN: Duration = Duration::from_secs(6);

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::Typing,
) -> Result<Outcome, Error> {
    let messenger = &context.messenger;
    if let Some(passing) = messenger.typing(&asker.me, &request.user_id).await? {
        let more = if request.typing.unwrap_or(true) {
            SHOWN
        } else {
            Duration::ZERO
        };
        let json = envelope::user_typing(&passing, messenger.clock().after(more));
        context.delivery.pass_on(passing.to, &json, Worth::Moment);
    }
    Ok(Outcome::of(envelope::result::done(), Vec::new()))
}
