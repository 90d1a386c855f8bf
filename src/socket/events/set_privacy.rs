//! `set-privacy {whitelistOnly?, whitelist?}`: who may write to one.
//!
//! One's own other sockets get `privacy-changed`.

use std::sync::Arc;

use crate::limits::Kind;
use crate::service::Error;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Reply, request};

/// Users on a whitelist that count as one event: each has to be looked up.
const USERS_PER_EVENT: usize = 20;

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::SetPrivacy,
) -> Result<Outcome, Error> {
    let (only, whitelist) = (request.whitelist_only, request.whitelist);
    let users = whitelist.as_ref().map_or(0, Vec::len);
    // the first of them are covered by the event itself
    for _ in 1..users.div_ceil(USERS_PER_EVENT) {
        let taken = call.connection.allowance.take(Kind::Other);
        taken.map_err(Error::RateLimited)?;
    }
    let messenger = &call.context.messenger;
    let setting = messenger.set_privacy(&call.me, only, whitelist);
    let (settings, is_written) = setting.await?;
    let settings = Arc::new(settings);
    let notice = Notice::SettingsChanged(Arc::clone(&settings));
    let notice = is_written.then_some((Audience::OwnOthers, notice));
    Ok(Outcome::new(Reply::Settings(settings), notice))
}
