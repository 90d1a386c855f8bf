//! Results of acknowledgements, in the order of the event table.

use std::sync::Arc;

use bson::DateTime;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::PROTOCOL;
use crate::id::UserId;
use crate::lanes::Stored;
use crate::service::{ActivePage, Contact, HistoryPage, PrivacySettings};
use crate::store::{Presence, User};
use crate::wire::json::{Json, render};
use crate::wire::time::Date;
use crate::wire::{schema, view};

/// The answer to `connect-user`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Connected<'a> {
    user_id: &'a UserId,
    status: Presence,
    server_time: Date,
    protocol: u32,
}

/// Of `connect-user`.
pub fn connected(user: &UserId, now: DateTime) -> Json {
    render(&Connected {
        user_id: user,
        status: Presence::Online,
        server_time: Date(now),
        protocol: PROTOCOL,
    })
    .into()
}

/// Of `add-chat-user`.
pub fn contact(contact: &Contact) -> Json {
    render(&view::ContactView::from(contact)).into()
}

/// The answer to `get-old-messages`: a page of history, ascending.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct History<'a> {
    #[schemars(with = "Vec<schema::Message>")]
    messages: Vec<view::Message<'a>>,
    has_more: bool,
}

/// Of `get-old-messages`.
pub fn history(page: &HistoryPage) -> Json {
    render(&History {
        messages: page.messages.iter().map(Into::into).collect(),
        has_more: page.has_more,
    })
    .into()
}

/// Of `send-message` with a client id that was stored before.
pub fn duplicate(stored: &Stored) -> Json {
    view::duplicate(stored).into()
}

/// Of `message-read` for one message.
pub fn message(stored: &Stored) -> Json {
    view::message(stored).into()
}

/// How many messages were read.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Read {
    read: u64,
}

/// Of `message-read` up to a position.
pub fn read(count: u64) -> Json {
    render(&Read { read: count }).into()
}

/// The answer to `block-user` and `unblock-user`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Blocked {
    blocked: bool,
}

/// Of `block-user` and `unblock-user`.
pub fn blocked(blocked: bool) -> Json {
    render(&Blocked { blocked }).into()
}

/// The answer to `get-blocked-users`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Users<'a> {
    #[schemars(with = "Vec<schema::UserDetails>")]
    users: Vec<&'a RawValue>,
}

/// Of `get-blocked-users`.
pub fn users(users: &[Arc<User>]) -> Json {
    let users = users.iter().map(|user| view::user_details(user)).collect();
    render(&Users { users }).into()
}

/// Of `set-privacy`.
pub fn settings(settings: &PrivacySettings) -> Json {
    render(&view::Privacy::from(settings)).into()
}

/// The answer to `refresh-token`: until when the socket stays; `null` is for ever.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Refreshed {
    expires_at: Option<Date>,
}

/// Of `refresh-token`; `None` when the socket stays for ever.
pub fn refreshed(expires_at: Option<DateTime>) -> Json {
    let expires_at = expires_at.map(Date);
    render(&Refreshed { expires_at }).into()
}

/// How many messages became `sent`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Delivered {
    delivered: u64,
}

/// Of `message-delivered`.
pub fn delivered(count: u64) -> Json {
    render(&Delivered { delivered: count }).into()
}

/// The answer to `typing`: nothing.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Done {}

/// Of `typing`: nothing.
pub fn done() -> Json {
    render(&Done {}).into()
}

/// The answer to `signal`: whether a socket of the other was sent it.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Online {
    online: bool,
}

/// Of `signal`: whether a socket of the other took it.
pub fn online(online: bool) -> Json {
    render(&Online { online }).into()
}

/// The answer to `get-active-users`: a page of contacts.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Active<'a> {
    users: Vec<view::ContactView<'a>>,
    has_more: bool,
}

/// Of `get-active-users`.
pub fn active(page: &ActivePage) -> Json {
    render(&Active {
        users: page.contacts.iter().map(Into::into).collect(),
        has_more: page.has_more,
    })
    .into()
}
