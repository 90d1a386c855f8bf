//! `get-active-users {after?, limit?}`: which contacts are online now, by pages.

use crate::service::{ActiveQuery, Error};
use crate::socket::{Call, Outcome};
use crate::wire::{Reply, request};

pub(in crate::socket) async fn handle(
    call: Call,
    request: request::GetActiveUsers,
) -> Result<Outcome, Error> {
    let me = &call.me;
    let query = ActiveQuery::from(request);
    let page = call.context.messenger.active(me, &query).await?;
    let contacts = page.contacts.iter();
    Ok(Outcome {
        described: contacts
            .map(|contact| contact.described_to(me.id))
            .collect(),
        ..Outcome::new(Reply::Active(page), None)
    })
}
