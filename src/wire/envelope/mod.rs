//! What the server sends on its own initiative, and the `chatzz` envelope for it in
//! protocol 3: `{type, data}`, and no other fields but `hasMore` of `old-messages`.

pub mod result;

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::DateTime;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use self::result::Reply;
use super::json::{Json, render};
use super::time::Date;
use super::{Dialect, ErrorBody, PerDialect, Render, dialect1, schema, view};
use crate::config::StatusEvent;
use crate::id::{Hex, UserId};
use crate::rooms::{Advanced, Stored};
use crate::service::presence::Announcement;
use crate::service::{Contact, Ephemeral, Error, HistoryPage, Login, PrivacySettings};
use crate::store::PresenceStatus;

/// Name of the one event the server emits.
pub const EVENT: &str = "chatzz";
/// Version of the contract in `docs/protocol.md`; the npm package spoke 1.
pub const PROTOCOL: u32 = 3;
/// What was added to protocol 3, by the names that `connect-user` answers.
const FEATURES: &[&str] = &["changes", "compact", "envelope"];
/// The same, where the application has kinds of messages.
const FEATURES_WITH_KINDS: &[&str] = &["changes", "compact", "envelope", "kinds"];

/// Something that the server sends on its own initiative.
pub enum Notice<'a> {
    /// The state after `connect-user`, and what the application adds.
    UserDetails(Box<Login>, Option<Arc<RawValue>>),
    /// A contact came online or went offline; the envelope's name is configured.
    StatusChanged(StatusEvent, &'a Announcement),
    /// A chat room was created.
    ChatUserAdded(Arc<Contact>),
    /// A page of history, for a client that asked without an acknowledgement.
    OldMessages(Arc<HistoryPage>),
    /// A message was stored.
    NewMessage(&'a PerDialect<&'a Stored>),
    /// What a message says was changed.
    MessageChanged(&'a PerDialect<&'a Stored>),
    /// Messages became `sent` or `read`.
    MessageStatusChanged(&'a Advanced),
    /// Another socket of the user blocked somebody (`true`) or unblocked them.
    BlockChanged(UserId, bool),
    /// Another socket of the user set who may write.
    SettingsChanged(Arc<PrivacySettings>),
    /// Somebody is typing to the user, until a moment that may be now.
    UserTyping(&'a Ephemeral, DateTime),
    /// The front end of a contact sent something that is not stored.
    UserSignal(&'a UserId, &'a RawValue),
    /// The application sent something that is not stored.
    AppSignal(&'a RawValue),
    /// Another server has rendered it, for every dialect alike.
    Finished(Json),
    /// An event of this name succeeded, and asked for an envelope.
    Result(&'a str, &'a Reply<'a>),
    /// An event of this name failed, and carried no acknowledgement or asked for an envelope.
    Error(&'a str, &'a Error),
}

impl Render for Notice<'_> {
    fn v3(&self) -> Json {
        match self {
            Self::UserDetails(login, meta) => {
                let details = UserDetails::<view::Details<'_>>::new(login, meta.as_deref());
                envelope("user-details", details)
            }
            Self::StatusChanged(name, news) => envelope(name.as_str(), StatusChanged::from(*news)),
            Self::ChatUserAdded(contact) => {
                envelope("chat-user-added", view::AddedView::from(&**contact))
            }
            Self::OldMessages(page) => {
                history(messages::<DetailedMessage<'_>>(page), page.has_more)
            }
            Self::NewMessage(message) => envelope("new-message", message.json(Dialect::V3)),
            Self::MessageChanged(message) => envelope("message-changed", message.json(Dialect::V3)),
            Self::MessageStatusChanged(advanced) => {
                let change = view::StatusChange::<view::Details<'_>>::from(*advanced);
                envelope("message-status-changed", change)
            }
            Self::BlockChanged(user_id, blocked) => {
                let blocked = *blocked;
                envelope("privacy-changed", BlockChanged { user_id, blocked })
            }
            Self::SettingsChanged(settings) => {
                envelope("privacy-changed", view::Privacy::from(&**settings))
            }
            Self::UserTyping(ephemeral, until) => {
                envelope("user-typing", UserTyping::new(ephemeral, *until))
            }
            Self::UserSignal(user_id, data) => {
                envelope("user-signal", UserSignal { user_id, data })
            }
            Self::AppSignal(data) => envelope("app-signal", AppSignal { data }),
            Self::Finished(json) => Json::clone(json),
            Self::Result(event, reply) => result_of(event, reply, Dialect::V3),
            Self::Error(event, error) => {
                let body = ErrorBody::from(*error);
                envelope("error", Failed { event, body })
            }
        }
    }

    fn v1(&self) -> Json {
        dialect1::notice(self)
    }

    fn v3_compact(&self) -> Json {
        match self {
            Self::UserDetails(login, meta) => {
                let details = UserDetails::<view::Id<'_>>::new(login, meta.as_deref());
                envelope("user-details", details)
            }
            Self::OldMessages(page) => history(messages::<CompactMessage<'_>>(page), page.has_more),
            Self::NewMessage(message) => envelope("new-message", message.json(Dialect::V3Compact)),
            Self::MessageChanged(message) => {
                envelope("message-changed", message.json(Dialect::V3Compact))
            }
            Self::MessageStatusChanged(advanced) => {
                let change = view::StatusChange::<view::Id<'_>>::from(*advanced);
                envelope("message-status-changed", change)
            }
            Self::Result(event, reply) => result_of(event, reply, Dialect::V3Compact),
            Self::StatusChanged(..)
            | Self::ChatUserAdded(_)
            | Self::BlockChanged(..)
            | Self::SettingsChanged(_)
            | Self::UserTyping(..)
            | Self::UserSignal(..)
            | Self::AppSignal(_)
            | Self::Finished(_)
            | Self::Error(..) => self.v3(),
        }
    }
}

type DetailedMessage<'a> = view::MessageView<'a, view::Details<'a>>;
type CompactMessage<'a> = view::MessageView<'a, view::Id<'a>>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, D> {
    r#type: &'a str,
    data: D,
    /// Of `old-messages` alone: whoever asked without an acknowledgement hears it here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more: bool,
}

pub(super) fn envelope(r#type: &str, data: impl Serialize) -> Json {
    let has_more = false;
    render(&Envelope {
        r#type,
        data,
        has_more,
    })
    .into()
}

/// The answer to an event, as its acknowledgement has it.
pub(super) fn result_of(event: &str, reply: &Reply<'_>, dialect: Dialect) -> Json {
    let data = &*reply.render(dialect);
    envelope("result", EventResult { event, data })
}

fn history(data: impl Serialize, has_more: bool) -> Json {
    let r#type = "old-messages";
    render(&Envelope {
        r#type,
        data,
        has_more,
    })
    .into()
}

/// The messages of a page, in the form `M`.
pub(super) fn messages<'a, M: From<&'a Stored>>(page: &'a HistoryPage) -> Vec<M> {
    page.messages.iter().map(Into::into).collect()
}

/// `data` of `user-details`: the user, the contacts, the missed messages.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Login")]
pub(in crate::wire) struct UserDetails<'a, P = view::Details<'a>> {
    #[schemars(with = "schema::UserDetails")]
    user: &'a RawValue,
    status: PresenceStatus,
    last_online: Option<Date>,
    connected_users: Vec<view::ContactView<'a>>,
    /// `true` when there are more contacts than these: fetch them with `get-active-users`
    /// and `all`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_contacts: bool,
    #[schemars(with = "BTreeMap<String, Vec<schema::Message>>")]
    missed_messages: BTreeMap<String, Vec<view::MessageView<'a, P>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    meta: Option<&'a RawValue>,
}

impl<'a, P: view::Person<'a>> UserDetails<'a, P> {
    fn new(login: &'a Login, meta: Option<&'a RawValue>) -> Self {
        let missed = login.missed.iter().map(|(sender, messages)| {
            let messages = messages.iter().map(view::MessageView::from).collect();
            (sender.to_key(), messages)
        });
        Self {
            user: view::user_details(&login.user),
            status: PresenceStatus::Online,
            last_online: login.last_online.map(Date),
            connected_users: login.contacts.iter().map(Into::into).collect(),
            more_contacts: login.more_contacts,
            missed_messages: missed.collect(),
            meta,
        }
    }
}

/// `data` of `chat-user-status-changed`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct StatusChanged<'a> {
    #[schemars(with = "schema::UserDetails")]
    user: &'a RawValue,
    status: PresenceStatus,
    last_online: Option<Date>,
}

impl<'a> From<&'a Announcement> for StatusChanged<'a> {
    fn from(news: &'a Announcement) -> Self {
        Self {
            user: view::user_details(&news.user),
            status: news.status,
            last_online: news.last_online.map(Date),
        }
    }
}

/// `data` of `privacy-changed` after a block.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct BlockChanged<'a> {
    user_id: &'a UserId,
    blocked: bool,
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

impl<'a> UserTyping<'a> {
    fn new(ephemeral: &'a Ephemeral, until: DateTime) -> Self {
        Self {
            user: view::user_details(&ephemeral.from),
            chat_room_id: ephemeral.room.to_hex(),
            until: Date(until),
        }
    }
}

/// `data` of `user-signal`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct UserSignal<'a> {
    user_id: &'a UserId,
    #[schemars(with = "serde_json::Value")]
    data: &'a RawValue,
}

/// `data` of `app-signal`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct AppSignal<'a> {
    #[schemars(with = "serde_json::Value")]
    data: &'a RawValue,
}

/// `data` of `result`.
#[derive(Serialize)]
struct EventResult<'a> {
    event: &'a str,
    data: &'a RawValue,
}

/// `data` of `error`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Failed<'a> {
    event: &'a str,
    #[serde(flatten)]
    body: ErrorBody,
}
