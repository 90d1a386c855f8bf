//! `signal {userId, data}`: a word from one front end to another, not stored.
//!
//! The other's sockets here get `user-signal`, and the client hears whether there
//! was one.

use super::packet::Worth;
use super::{Call, Outcome};
use crate::service::Error;
use crate::wire::{Notice, Reply, request};

pub(super) async fn handle(call: Call, request: request::Signal) -> Result<Outcome, Error> {
    let (messenger, me) = (&call.context.messenger, &call.me);
    let passing = messenger.signal(me, &request.user_id).await?;
    let online = passing.is_some_and(|passing| {
        let notice = Notice::UserSignal(&me.user, &request.data);
        call.context
            .delivery
            .pass_on(passing.to, notice, Worth::Passing)
    });
    Ok(Outcome::new(Reply::Online(online), None))
}
