//! Results of acknowledgements, in the order of the event table.

use std::sync::Arc;

use bson::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;

use super::PROTOCOL;
use crate::id::UserId;
use crate::lanes::Stored;
use crate::service::{ActivePage, Contact, HistoryPage, PrivacySettings};
use crate::store::{Presence, User};
use crate::wire::json::{Json, render};
use crate::wire::time::Date;
use crate::wire::view;

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
        messages: Vec<Box<RawValue>>,
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
        users: Vec<&'a RawValue>,
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

/// Of `typing`: nothing.
pub fn done() -> Json {
    #[derive(Serialize)]
    struct Done {}
    render(&Done {}).into()
}

/// Of `signal`: whether a socket of the other took it.
pub fn online(online: bool) -> Json {
    #[derive(Serialize)]
    struct Online {
        online: bool,
    }
    render(&Online { online }).into()
}

/// Of `get-active-users`.
pub fn active(page: &ActivePage) -> Json {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        users: Vec<Box<RawValue>>,
        has_more: bool,
    }
    render(&Page {
        users: page.contacts.iter().map(view::contact).collect(),
        has_more: page.has_more,
    })
    .into()
}
