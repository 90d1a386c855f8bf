//! The content of acknowledgements, and its form in protocol 3, in the order of the event table.

use std::sync::Arc;

use bson::DateTime;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{FEATURES, FEATURES_WITH_KINDS, PROTOCOL, messages};
use crate::id::UserId;
use crate::rooms::Stored;
use crate::service::{ActivePage, BlockedPage, ChangePage, Contact, HistoryPage, PrivacySettings};
use crate::store::PresenceStatus;
use crate::wire::json::{Json, render};
use crate::wire::time::Date;
use crate::wire::{Dialect, PerDialect, Render, dialect1, schema, view};

/// The successful answer to an event.
pub enum Reply<'a> {
    /// To `connect-user`.
    Connected {
        /// Who is logged in.
        user: UserId,
        /// The server's time.
        now: DateTime,
        /// Whether messages may have a `kind`.
        has_kinds: bool,
        /// What the application adds.
        meta: Option<Arc<RawValue>>,
    },
    /// To `add-chat-user`.
    Contact(Arc<Contact>),
    /// To `get-old-messages`.
    History(Arc<HistoryPage>),
    /// To `get-changes`.
    Changes(Arc<ChangePage>),
    /// To `send-message`, and to `message-read` for one message.
    Message(&'a PerDialect<&'a Stored>),
    /// To `send-message` with a client id that was stored before.
    Duplicate(&'a Stored),
    /// To `message-read` up to a position: how many were read.
    Read(u64),
    /// To `message-delivered`: how many became `sent`.
    Delivered(u64),
    /// To `block-user` (`true`) and `unblock-user`.
    Blocked(bool),
    /// To `get-blocked-users`.
    Users(BlockedPage),
    /// To `set-privacy`.
    Settings(Arc<PrivacySettings>),
    /// To `typing`: nothing.
    Done,
    /// To `signal`: whether it was sent to a socket of the other.
    Online(bool),
    /// To `get-active-users`.
    Active(ActivePage),
    /// To `refresh-token`; `None` when the socket never expires.
    Refreshed(Option<DateTime>),
}

impl Render for Reply<'_> {
    fn v3(&self) -> Json {
        let json = match self {
            Self::Connected {
                user,
                now,
                has_kinds,
                meta,
            } => render(&Connected {
                user_id: user,
                status: PresenceStatus::Online,
                server_time: Date(*now),
                protocol: PROTOCOL,
                features: if *has_kinds {
                    FEATURES_WITH_KINDS
                } else {
                    FEATURES
                },
                meta: meta.as_deref(),
            }),
            Self::Contact(contact) => render(&view::ContactView::from(&**contact)),
            Self::History(page) => render(&History::<view::Details<'_>>::from(&**page)),
            Self::Changes(page) => render(&Changes::<view::Details<'_>>::from(&**page)),
            Self::Message(message) => return message.json(Dialect::V3),
            Self::Duplicate(stored) => {
                render(&view::SentMessage::<view::Details<'_>>::duplicate(stored))
            }
            Self::Read(read) => render(&Read { read: *read }),
            Self::Delivered(delivered) => render(&Delivered {
                delivered: *delivered,
            }),
            Self::Blocked(blocked) => render(&Blocked { blocked: *blocked }),
            Self::Users(page) => render(&Users {
                users: page
                    .users
                    .iter()
                    .map(|user| view::user_details(user))
                    .collect(),
                has_more: page.has_more,
            }),
            Self::Settings(settings) => render(&view::Privacy::from(&**settings)),
            Self::Done => render(&Done {}),
            Self::Online(online) => render(&Online { online: *online }),
            Self::Active(page) => render(&Active {
                users: page.contacts.iter().map(Into::into).collect(),
                has_more: page.has_more,
            }),
            Self::Refreshed(expires_at) => render(&Refreshed {
                expires_at: expires_at.map(Date),
            }),
        };
        json.into()
    }

    fn v1(&self) -> Json {
        dialect1::reply(self)
    }

    fn v3_compact(&self) -> Json {
        match self {
            Self::History(page) => render(&History::<view::Id<'_>>::from(&**page)).into(),
            Self::Changes(page) => render(&Changes::<view::Id<'_>>::from(&**page)).into(),
            Self::Message(message) => message.json(Dialect::V3Compact),
            Self::Duplicate(stored) => {
                render(&view::SentMessage::<view::Id<'_>>::duplicate(stored)).into()
            }
            Self::Connected { .. }
            | Self::Contact(_)
            | Self::Read(_)
            | Self::Delivered(_)
            | Self::Blocked(_)
            | Self::Users(_)
            | Self::Settings(_)
            | Self::Done
            | Self::Online(_)
            | Self::Active(_)
            | Self::Refreshed(_) => self.v3(),
        }
    }
}

/// The answer to `connect-user`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Connected<'a> {
    user_id: &'a UserId,
    status: PresenceStatus,
    server_time: Date,
    protocol: u32,
    /// What the server can do beyond the first version of its protocol.
    features: &'static [&'static str],
    /// What the application returned at the login, as in `user-details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    meta: Option<&'a RawValue>,
}

/// The answer to `get-old-messages`: a page of history, ascending.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "History")]
pub(in crate::wire) struct History<'a, P = view::Details<'a>> {
    #[schemars(with = "Vec<schema::Message>")]
    messages: Vec<view::MessageView<'a, P>>,
    has_more: bool,
}

impl<'a, P: view::Person<'a>> From<&'a HistoryPage> for History<'a, P> {
    fn from(page: &'a HistoryPage) -> Self {
        Self {
            messages: messages(page),
            has_more: page.has_more,
        }
    }
}

/// The answer to `get-changes`: messages as they are now, by `rev`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Changes")]
pub(in crate::wire) struct Changes<'a, P = view::Details<'a>> {
    #[schemars(with = "Vec<schema::Message>")]
    messages: Vec<view::MessageView<'a, P>>,
    has_more: bool,
    rev: i64,
}

impl<'a, P: view::Person<'a>> From<&'a ChangePage> for Changes<'a, P> {
    fn from(page: &'a ChangePage) -> Self {
        Self {
            messages: page.messages.iter().map(Into::into).collect(),
            has_more: page.has_more,
            rev: page.rev,
        }
    }
}

/// How many messages were read.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Read {
    read: u64,
}

/// The answer to `block-user` and `unblock-user`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Blocked {
    blocked: bool,
}

/// The answer to `get-blocked-users`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Users<'a> {
    #[schemars(with = "Vec<schema::UserDetails>")]
    users: Vec<&'a RawValue>,
    has_more: bool,
}

/// The answer to `refresh-token`: when the socket expires; `null` is never.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Refreshed {
    expires_at: Option<Date>,
}

/// How many messages became `sent`.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Delivered {
    delivered: u64,
}

/// The answer to `typing`: nothing.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Done {}

/// The answer to `signal`: whether it was sent to a socket of the other.
#[derive(Serialize, JsonSchema)]
pub(in crate::wire) struct Online {
    online: bool,
}

/// The answer to `get-active-users`: a page of contacts.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct Active<'a> {
    users: Vec<view::ContactView<'a>>,
    has_more: bool,
}
