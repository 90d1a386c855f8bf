//! `get-active-users {after?, limit?}`: which contacts are online now, by pages.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::Connection;
use super::{Context, Outcome};
use crate::service::{ActiveQuery, Error};
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: &Context,
    connection: &Arc<Connection>,
    payload: Option<&RawValue>,
) -> Result<Outcome, Error> {
    let me = connection.me().ok_or(Error::NotConnected)?;
    let request: request::GetActiveUsers = request::decode(payload)?;
    let query = ActiveQuery::from(request);
    let page = context.messenger.active(me, &query).await?;
    let contacts = page.contacts.iter();
    Ok(Outcome {
        described: contacts.map(|contact| contact.described_to(me)).collect(),
        ..Outcome::of(envelope::result::active(&page), Vec::new())
    })
}
