//! `get-blocked-users {}`: whom one has blocked.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::{Context, Outcome};
use crate::service::Error;
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
) -> Result<Outcome, Error> {
    let me = connection.me().ok_or(Error::NotConnected)?;
    let _: request::GetBlockedUsers = request::decode(payload)?;
    let users = context.messenger.blocked(me).await?;
    Ok(Outcome::of(envelope::result::users(&users), Vec::new()))
}
