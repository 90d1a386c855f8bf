//! `set-privacy {whitelistOnly?, whitelist?}`: who may write to one.
//!
//! One's own other sockets get `privacy-changed`.

use std::sync::Arc;

use crate::service::Error;
use crate::socket::{Audience, Call, Outcome};
use crate::wire::{Notice, Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::SetPrivacy,
) -> Result<Outcome, Error> {
    let (only, whitelist) = (request.whitelist_only, request.whitelist);
    let messenger = &call.context.messenger;
    let setting = messenger.set_privacy(&call.me, only, whitelist);
    let (settings, is_written) = setting.await?;
    let settings = Arc::new(settings);
    let notice = Notice::SettingsChanged(Arc::clone(&settings));
    let notice = is_written.then_some((Audience::OwnOthers, notice));
    Ok(Outcome::new(Reply::Settings(settings), notice))
}
