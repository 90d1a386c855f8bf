//! `set-privacy {whitelistOnly?, whitelist?}`: who may write to one.
//!
//! One's own other sockets get `privacy-changed`.

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
    let request: request::SetPrivacy = request::decode(payload)?;
    let request::SetPrivacy {
        whitelist_only,
        whitelist,
    } = request;
    let outlet = context.delivery.as_ref();
    let setting = context
        .messenger
        .set_privacy(me, whitelist_only, whitelist, outlet);
    let (settings, is_written) = setting.await?;
    let told = is_written.then(|| envelope::settings_changed(&settings));
    let told = told.map(|json| (Audience::OwnOthers, json));
    let ack = envelope::result::settings(&settings);
    Ok(Outcome::of(ack, told.into_iter().collect()))
}
