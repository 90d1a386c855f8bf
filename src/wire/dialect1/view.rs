//! Messages, chat rooms and people of dialect 1.

use bson::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Members, Status};
use crate::id::{ChatRoomId, ChatUserId, Hex};
use crate::rooms::Stored;
use crate::service::Contact;
use crate::store::{PresenceStatus, User};
use crate::wire::time::Date;
use crate::wire::user_details;

/// A person inside the messenger, with the person in the application.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatUser<'a> {
    #[serde(rename = "_id")]
    id: Hex,
    user: &'a RawValue,
    /// In messages it is left out: whoever shows it hears of changes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<PresenceStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_online: Option<Date>,
}

impl<'a> ChatUser<'a> {
    fn in_message(id: ChatUserId, user: &'a User) -> Self {
        Self {
            id: id.to_hex(),
            user: user_details(user),
            status: None,
            last_online: None,
        }
    }
}

impl<'a> From<&'a Contact> for ChatUser<'a> {
    fn from(contact: &'a Contact) -> Self {
        Self {
            id: contact.id.to_hex(),
            user: user_details(&contact.user),
            status: Some(contact.shown.status),
            last_online: contact.shown.last_online.map(Date),
        }
    }
}

/// The chat room of a message: its id, or all of it where messages are handed over or read.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum ChatRoomView {
    Id(Hex),
    #[serde(rename_all = "camelCase")]
    Whole {
        chat_users: [Hex; 2],
        #[serde(rename = "_id")]
        id: Hex,
        created_at: Date,
    },
}

impl ChatRoomView {
    pub(super) fn whole(id: ChatRoomId, members: &Members, created_at: DateTime) -> Self {
        Self::Whole {
            chat_users: members.ids().map(ChatUserId::to_hex),
            id: id.to_hex(),
            created_at: Date(created_at),
        }
    }
}

/// A message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::wire) struct MessageView<'a> {
    status: Status,
    #[serde(rename = "_id")]
    id: Hex,
    message: &'a str,
    chat_room: ChatRoomView,
    from: ChatUser<'a>,
    to: ChatUser<'a>,
    created_at: Date,
}

impl<'a> From<&'a Stored> for MessageView<'a> {
    fn from(stored: &'a Stored) -> Self {
        let message = &stored.message;
        Self {
            status: stored.delivery.status,
            id: message.id.to_hex(),
            message: &message.message,
            chat_room: ChatRoomView::Id(message.chat_room.to_hex()),
            from: ChatUser::in_message(message.from, &stored.from),
            to: ChatUser::in_message(stored.receiver, &stored.to),
            created_at: Date(message.created_at),
        }
    }
}

impl MessageView<'_> {
    /// The same with another status.
    pub(super) fn shown_as(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The same with all of its chat room.
    pub(super) fn in_room(self, chat_room: ChatRoomView) -> Self {
        Self { chat_room, ..self }
    }
}
