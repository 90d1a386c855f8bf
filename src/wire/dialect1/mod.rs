//! Dialect 1: what the npm package chatzz 1.1.5 sent, for front ends written for it.
//!
//! It is made of the same values as the newest dialect, here alone. `docs/from-chatzz-1.md`
//! says what differs from the package, and why.

mod view;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::envelope::{envelope, messages, result_of};
use super::json::{Json, render};
use super::time::Date;
use super::view::Inlined;
use super::{Dialect, Notice, Render as _, Reply, user_details};
use crate::domain::Status;
use crate::id::Hex;
use crate::rooms::Advanced;
use crate::service::presence::Announcement;
use crate::service::{Contact, HistoryPage, Login};
use crate::store::PresenceStatus;
pub(super) use view::MessageView;
use view::{ChatRoomView, ChatUser};

/// A notice as 1.1.5 sent it. What it did not send is rendered as it is now, and not sent
/// to sockets of this dialect ([`Notice::is_in_dialect1`]).
pub(super) fn notice(notice: &Notice<'_>) -> Json {
    match notice {
        Notice::UserDetails(login, _) => envelope("user-details", UserDetails::from(&**login)),
        Notice::StatusChanged(name, news) => envelope(name.as_str(), StatusChanged::from(*news)),
        Notice::ChatUserAdded(contact) => envelope("chat-user-added", Added::from(&**contact)),
        Notice::OldMessages(page) => envelope("old-messages", messages::<MessageView<'_>>(page)),
        Notice::NewMessage(message) => {
            // what it is by now follows by `message-status-changed`
            let message = MessageView::from(*message.value()).shown_as(Status::NotSent);
            envelope("new-message", message)
        }
        Notice::MessageStatusChanged(advanced) => {
            envelope("message-status-changed", StatusChange::from(*advanced))
        }
        // front ends put it into the place of the one that they show
        Notice::MessageChanged(message) => {
            let message = MessageView::from(*message.value());
            envelope("message-status-changed", StatusChange { message })
        }
        Notice::BlockChanged(..)
        | Notice::SettingsChanged(_)
        | Notice::UserTyping(..)
        | Notice::UserSignal(..)
        | Notice::AppSignal(_)
        | Notice::Finished(_)
        | Notice::Error(..) => notice.v3(),
        Notice::Result(event, reply) => result_of(event, reply, Dialect::V1),
    }
}

/// An answer. Only `add-chat-user` had one; the others are in the words of today.
pub(super) fn reply(reply: &Reply<'_>) -> Json {
    match reply {
        Reply::Contact(contact) => render(&ChatUser::from(&**contact)).into(),
        Reply::History(page) => render(&History::from(&**page)).into(),
        Reply::Message(message) => render(&MessageView::from(*message.value())).into(),
        Reply::Duplicate(stored) => render(&MessageView::from(*stored)).into(),
        Reply::Connected { .. }
        | Reply::Changes(_)
        | Reply::Read(_)
        | Reply::Delivered(_)
        | Reply::Blocked(_)
        | Reply::Users(_)
        | Reply::Settings(_)
        | Reply::Done
        | Reply::Online(_)
        | Reply::Active(_)
        | Reply::Refreshed(_) => reply.v3(),
    }
}

impl Notice<'_> {
    /// Whether dialect 1 has it: front ends written for it know no others.
    pub fn is_in_dialect1(&self) -> bool {
        match self {
            Self::UserDetails(..)
            | Self::StatusChanged(..)
            | Self::ChatUserAdded(_)
            | Self::OldMessages(_)
            | Self::NewMessage(_)
            | Self::MessageChanged(_)
            | Self::MessageStatusChanged(_)
            | Self::Result(..)
            | Self::Error(..) => true,
            Self::BlockChanged(..)
            | Self::SettingsChanged(_)
            | Self::UserTyping(..)
            | Self::UserSignal(..)
            | Self::AppSignal(_)
            | Self::Finished(_) => false,
        }
    }
}

/// `data` of `user-details`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserDetails<'a> {
    #[serde(rename = "_id")]
    id: Hex,
    user: &'a RawValue,
    status: PresenceStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_online: Option<Date>,
    connected_users: Vec<ConnectedUser<'a>>,
    missed_messages: BTreeMap<String, Vec<MessageView<'a>>>,
}

impl<'a> From<&'a Login> for UserDetails<'a> {
    fn from(login: &'a Login) -> Self {
        let missed = login.missed.iter().filter_map(|(sender, messages)| {
            let contact = login.contacts.iter().find(|one| one.user.id == *sender)?;
            let room = ChatRoomView::whole(contact.room, &contact.members, contact.added_at);
            // they were not sent until this
            let shown = |stored| {
                let message = MessageView::from(stored).in_room(room);
                message.shown_as(Status::NotSent)
            };
            let messages = messages.iter().map(shown).collect();
            Some((contact.room.to_hex().to_string(), messages))
        });
        Self {
            id: login.id.to_hex(),
            user: user_details(&login.user),
            status: PresenceStatus::Online,
            last_online: login.last_online.map(Date),
            connected_users: login.contacts.iter().map(Into::into).collect(),
            missed_messages: missed.collect(),
        }
    }
}

/// An element of `connectedUsers`, under both names that the chat room had: the readme says
/// `chatRoomId`, and 1.1.5 sent `chatRoom`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectedUser<'a> {
    #[serde(flatten)]
    user: Inlined<'a>,
    chat_room: Hex,
    chat_room_id: Hex,
    status: PresenceStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_online: Option<Date>,
}

impl<'a> From<&'a Contact> for ConnectedUser<'a> {
    fn from(contact: &'a Contact) -> Self {
        Self {
            user: Inlined::of(&contact.user),
            chat_room: contact.room.to_hex(),
            chat_room_id: contact.room.to_hex(),
            status: contact.shown.status,
            last_online: contact.shown.last_online.map(Date),
        }
    }
}

/// `data` of `chat-user-added`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added<'a> {
    #[serde(flatten)]
    user: Inlined<'a>,
    status: PresenceStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_online: Option<Date>,
}

impl<'a> From<&'a Contact> for Added<'a> {
    fn from(contact: &'a Contact) -> Self {
        Self {
            user: Inlined::of(&contact.user),
            status: contact.shown.status,
            last_online: contact.shown.last_online.map(Date),
        }
    }
}

/// `data` of `chat-user-status-changed`; who comes online has no `lastOnline`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusChanged<'a> {
    user: &'a RawValue,
    status: PresenceStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_online: Option<Date>,
}

impl<'a> From<&'a Announcement> for StatusChanged<'a> {
    fn from(news: &'a Announcement) -> Self {
        let is_offline = news.status == PresenceStatus::Offline;
        Self {
            user: user_details(&news.user),
            status: news.status,
            last_online: news.last_online.filter(|_| is_offline).map(Date),
        }
    }
}

/// `data` of `message-status-changed`: one message.
#[derive(Serialize)]
struct StatusChange<'a> {
    message: MessageView<'a>,
}

impl<'a> From<&'a Advanced> for StatusChange<'a> {
    fn from(Advanced { newest, room, .. }: &'a Advanced) -> Self {
        let message = MessageView::from(newest);
        let id = newest.message.chat_room;
        let whole = room.map(|room| ChatRoomView::whole(id, &room.members, room.created_at));
        Self {
            message: match whole {
                Some(room) => message.in_room(room),
                None => message,
            },
        }
    }
}

/// The answer to `get-old-messages`: the first of the pages that are sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History<'a> {
    messages: Vec<MessageView<'a>>,
    has_more: bool,
}

impl<'a> From<&'a HistoryPage> for History<'a> {
    fn from(page: &'a HistoryPage) -> Self {
        Self {
            messages: messages(page),
            has_more: page.has_more,
        }
    }
}
