//! The `chatzz` envelope: `{type, data}`, nothing beside these two.

use std::collections::BTreeMap;

use bson::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;

use super::json::{Json, render};
use super::time::Date;
use super::view;
use crate::config::StatusEvent;
use crate::id::{Seq, UserId};
use crate::lanes::Stored;
use crate::service::{Contact, Error, HistoryPage, Login, PrivacySettings};
use crate::store::{Presence, User};

/// Name of the one event the server emits.
pub const EVENT: &str = "chatzz";
/// Version of the contract in `docs/protocol.md`; the npm package spoke 1.
pub const PROTOCOL: u32 = 2;

#[derive(Serialize)]
struct Envelope<'a, D> {
    r#type: &'a str,
    data: D,
}

fn envelope(r#type: &str, data: impl Serialize) -> Json {
    render(&Envelope { r#type, data }).into()
}

/// What a person is told after `connect-user`.
/// `meta` is what the application adds.
pub fn user_details(login: &Login, meta: Option<&RawValue>) -> Json {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        user: &'a RawValue,
        status: Presence,
        last_online: Option<Date>,
        connected_users: Vec<Box<RawValue>>,
        missed_messages: BTreeMap<String, Vec<Box<RawValue>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        meta: Option<&'a RawValue>,
    }
    let missed = login.missed.iter().map(|(sender, messages)| {
        let messages = messages.iter().map(view::message).collect();
        (sender.to_key(), messages)
    });
    envelope(
        "user-details",
        Data {
            user: view::user_details(&login.user),
            status: Presence::Online,
            last_online: login.last_online.map(Date),
            connected_users: login.contacts.iter().map(view::contact).collect(),
            missed_messages: missed.collect(),
            meta,
        },
    )
}

/// A contact came online or went offline.
pub fn status_changed(
    name: StatusEvent,
    user: &User,
    status: Presence,
    last_online: Option<DateTime>,
) -> Json {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        user: &'a RawValue,
        status: Presence,
        last_online: Option<Date>,
    }
    envelope(
        name.as_str(),
        Data {
            user: view::user_details(user),
            status,
            last_online: last_online.map(Date),
        },
    )
}

/// A chat room was created.
pub fn chat_user_added(contact: &Contact) -> Json {
    envelope("chat-user-added", view::added(contact))
}

/// A page of history, for a client that asked without an acknowledgement.
pub fn old_messages(page: &HistoryPage) -> Json {
    let messages: Vec<_> = page.messages.iter().map(view::message).collect();
    envelope("old-messages", messages)
}

/// A message was stored; takes the message's own JSON.
pub fn new_message(message: &RawValue) -> Json {
    envelope("new-message", message)
}

/// Messages became `sent` or `read`: the newest, and the range if several.
pub fn message_status_changed(newest: &Stored, oldest: Seq, count: u64) -> Json {
    let data = if count > 1 {
        view::ranged(newest, oldest, newest.message.seq)
    } else {
        view::message(newest)
    };
    envelope("message-status-changed", data)
}

/// One's own other socket blocked or unblocked somebody.
pub fn block_changed(user: &UserId, blocked: bool) -> Json {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        user_id: &'a UserId,
        blocked: bool,
    }
    let data = Data {
        user_id: user,
        blocked,
    };
    envelope("privacy-changed", data)
}

/// One's own other socket set who may write.
pub fn settings_changed(settings: &PrivacySettings) -> Json {
    envelope("privacy-changed", view::Privacy::from(settings))
}

/// An event failed and carried no acknowledgement.
pub fn error(event: &str, error: &Error) -> Json {
    #[derive(Serialize)]
    struct Data<'a> {
        event: &'a str,
        #[serde(flatten)]
        body: super::ErrorBody,
    }
    let body = super::ErrorBody::from(error);
    envelope("error", Data { event, body })
}

/// Results of acknowledgements, in the order of the event table.
pub mod result {
    use std::sync::Arc;

    use super::{
        Contact, Date, DateTime, HistoryPage, Json, PROTOCOL, Presence, PrivacySettings, Serialize,
        Stored, User, UserId, render, view,
    };

    /// Of `connect-user`.
    pub fn connected(user: &UserId, now: DateTime) -> Json {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Connected<'a> {
            user_id: &'a UserId,
            status: Presence,
            server_time: Date,
            protocol: u32,
        }
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
        view::contact(contact).into()
    }

    /// Of `get-old-messages`.
    pub fn history(page: &HistoryPage) -> Json {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            messages: Vec<Box<super::RawValue>>,
            has_more: bool,
        }
        render(&Page {
            messages: page.messages.iter().map(view::message).collect(),
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

    /// Of `message-read` up to a position.
    pub fn read(count: u64) -> Json {
        #[derive(Serialize)]
        struct Read {
            read: u64,
        }
        render(&Read { read: count }).into()
    }

    /// Of `block-user` and `unblock-user`.
    pub fn blocked(blocked: bool) -> Json {
        #[derive(Serialize)]
        struct Blocked {
            blocked: bool,
        }
        render(&Blocked { blocked }).into()
    }

    /// Of `get-blocked-users`.
    pub fn users(users: &[Arc<User>]) -> Json {
        #[derive(Serialize)]
        struct Users<'a> {
            users: Vec<&'a super::RawValue>,
        }
        let users = users.iter().map(|user| view::user_details(user)).collect();
        render(&Users { users }).into()
    }

    /// Of `set-privacy`.
    pub fn settings(settings: &PrivacySettings) -> Json {
        render(&view::Privacy::from(settings)).into()
    }

    /// Of `refresh-token`; `None` when the socket stays for ever.
    pub fn refreshed(expires_at: Option<DateTime>) -> Json {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Refreshed {
            expires_at: Option<Date>,
        }
        let expires_at = expires_at.map(Date);
        render(&Refreshed { expires_at }).into()
    }

    /// Of `message-delivered`.
    pub fn delivered(count: u64) -> Json {
        #[derive(Serialize)]
        struct Delivered {
            delivered: u64,
        }
        render(&Delivered { delivered: count }).into()
    }
}
