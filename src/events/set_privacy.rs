//! `set-privacy {whitelistOnly?, whitelist?}`: who may write to one.
//!
//! One's own other sockets get `privacy-changed`.

use std::sync::Arc;

use super::{Asker, Audience, Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::SetPrivacy,
) -> Result<Outcome, Error> {
    let (only, whitelist) = (request.whitelist_only, request.whitelist);
    let (messenger, hub) = (&context.messenger, context.delivery.as_ref());
    let setting = messenger.set_privacy(&asker.me, only, whitelist, hub);
    let (settings, is_written) = setting.await?;
    let notice = is_written.then(|| envelope::settings_changed(&settings));
    let notice = notice.map(|json| (Audience::OwnOthers, json));
    let ack = envelope::result::settings(&settings);
    Ok(Outcome::of(ack, notice.into_iter().collect()))
}
