//! `signal {userId, data}`: a word from one front end to another, not stored.
//!
//! The other's sockets here get `user-signal`, and the client hears whether there
//! was one.

use std::sync::Arc;

use super::packet::Worth;
use super::{Asker, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::Signal,
) -> Result<Outcome, Error> {
    let (messenger, me) = (&context.messenger, &asker.me);
    let passing = messenger.signal(me, &request.user_id).await?;
    let online = passing.is_some_and(|passing| {
        let json = envelope::user_signal(&me.user, &request.data);
        context.delivery.pass_on(passing.to, &json, Worth::Passing)
    });
    Ok(Outcome::of(envelope::result::online(online), Vec::new()))
}
