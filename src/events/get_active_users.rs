//! `get-active-users {after?, limit?}`: which contacts are online now, by pages.

use std::sync::Arc;

use super::{Asker, Context, Outcome};
use crate::service::{ActiveQuery, Error};
use crate::wire::{envelope, request};

pub(super) async fn handle(
    context: Arc<Context>,
    asker: Asker,
    request: request::GetActiveUsers,
) -> Result<Outcome, Error> {
    let me = &asker.me;
    let query = ActiveQuery::from(request);
    let page = context.messenger.active(me, &query).await?;
    let contacts = page.contacts.iter();
    Ok(Outcome {
        described: contacts.map(|contact| contact.described_to(me)).collect(),
        ..Outcome::of(envelope::result::active(&page), Vec::new())
    })
}
