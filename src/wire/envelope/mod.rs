//! The `chatzz` envelope: `{type, data}`, nothing beside these two.

pub mod result;

use std::collections::BTreeMap;

use bson::DateTime;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::StatusEvent;
use crate::id::{Hex, Seq, UserId};
use crate::lanes::Stored;
use crate::service::{Contact, Error, HistoryPage, Login, Passing, PrivacySettings};
use crate::store::{Presence, User};
use crate::wire::json::{Json, render};
use crate::wire::time::Date;
use crate::wire::{schema, view};

/// Name of the one event the server emits.
pub const EVENT: &str = "chatzz";
/// Version of the contract in `docs/protocol.md`; the npm package spoke 1.
pub const PROTOCOL: u32 = 3;

#[derive(Serialize)]
struct Envelope<'a, D> {
    r#type: &'a str,
    data: D,
}

fn envelope(r#type: &str, data: impl Serialize) -> Json {
    render(&Envelope { r#type, data }).into()
}

/// `data` of `user-details`: the user, the contacts, what was missed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Login")]
pub(in crate::wire) struct UserDetails<'a> {
    #[schemars(with = "schema::UserDetails")]
    user: &'a RawValue,
    status: Presence,
    last_online: Option<Date>,
    connected_users: Vec<view::ContactView<'a>>,
    #[schemars(with = "BTreeMap<String, Vec<schema::Message>>")]
    missed_messages: BTreeMap<String, Vec<view::Message<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    meta: Option<&'a RawValue>,
}

/// What a person is told after `connect-user`.
/// `meta` is what the application adds.
pub fn user_details(login: &Login, meta: Option<&RawValue>) -> Json {
    let missed = login.missed.iter().map(|(sender, messages)| {
        let messages = messages.iter().map(view::Message::from).collect();
        (sender.to_key(), messages)
    });
    envelope(
        "user-details",
        UserDetails {
            user: view::user_details(&login.user),
            status: Presence::Online,
            last_online: login.last_online.map(Date),
            connected_users: login.contacts.iter().map(Into::into).collect(),
            missed_messages: missed.collect(),
            meta,
        },
    )
}

/// `data` of `chat-user-status-changed`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct StatusChanged<'a> {
    #[schemars(with = "schema::UserDetails")]
    user: &'a RawValue,
    status: Presence,
    last_online: Option<Date>,
}

/// A contact came online or went offline.
pub fn status_changed(
    name: StatusEvent,
    user: &User,
    status: Presence,
    last_online: Option<DateTime>,
) -> Json {
    envelope(
        name.as_str(),
        StatusChanged {
            user: view::user_details(user),
            status,
            last_online: last_online.map(Date),
        },
    )
}

/// A chat room was created.
pub fn chat_user_added(contact: &Contact) -> Json {
    envelope("chat-user-added", view::AddedView::from(contact))
}

/// A page of history, for a client that asked without an acknowledgement.
pub fn old_messages(page: &HistoryPage) -> Json {
    let messages = page.messages.iter().map(view::Message::from);
    envelope("old-messages", messages.collect::<Vec<_>>())
}

/// A message was stored; takes the message's own JSON.
pub fn new_message(message: &RawValue) -> Json {
    envelope("new-message", message)
}

/// Messages became `sent` or `read`: the newest, and from which position on if several.
pub fn message_status_changed(newest: &Stored, oldest: Option<Seq>) -> Json {
    let data = match oldest {
        Some(oldest) => view::ranged(newest, oldest, newest.message.seq),
        None => view::message(newest),
    };
    envelope("message-status-changed", data)
}

/// `data` of `privacy-changed` after a block.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct BlockChanged<'a> {
    user_id: &'a UserId,
    blocked: bool,
}

/// One's own other socket blocked or unblocked somebody.
pub fn block_changed(user: &UserId, blocked: bool) -> Json {
    let data = BlockChanged {
        user_id: user,
        blocked,
    };
    envelope("privacy-changed", data)
}

/// One's own other socket set who may write.
pub fn settings_changed(settings: &PrivacySettings) -> Json {
    envelope("privacy-changed", view::Privacy::from(settings))
}

/// `data` of `user-typing`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct UserTyping<'a> {
    #[schemars(with = "schema::UserDetails")]
    user: &'a RawValue,
    #[schemars(with = "String")]
    chat_room_id: Hex,
    until: Date,
}

/// Somebody types, to the other one, until a moment that may be now.
pub fn user_typing(passing: &Passing, until: DateTime) -> Json {
    envelope(
        "user-typing",
        UserTyping {
            user: view::user_details(&passing.from),
            chat_room_id: passing.room.to_hex(),
            until: Date(until),
        },
    )
}

/// `data` of `user-signal`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct UserSignal<'a> {
    user_id: &'a UserId,
    #[schemars(with = "serde_json::Value")]
    data: &'a RawValue,
}

/// Somebody's front end says something that is not stored.
pub fn user_signal(from: &UserId, data: &RawValue) -> Json {
    let user_id = from;
    envelope("user-signal", UserSignal { user_id, data })
}

/// `data` of `error`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Failed<'a> {
    event: &'a str,
    #[serde(flatten)]
    body: crate::wire::ErrorBody,
}

/// An event failed and carried no acknowledgement.
pub fn error(event: &str, error: &Error) -> Json {
    let body = crate::wire::ErrorBody::from(error);
    envelope("error", Failed { event, body })
}
