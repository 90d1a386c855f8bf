//! People, messages and contacts as clients see them.

mod user;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::json::{Json, render};
use super::time::Date;
use super::{Render, dialect1, schema};
use crate::domain::{Delivery, Status};
use crate::id::{Hex, Seq, UserId};
use crate::rooms::{Advanced, Stored};
use crate::service::{Contact, LastMessage, PrivacySettings};
use crate::store::{PresenceStatus, User};
pub(super) use user::Inlined;
pub use user::user_details;

/// A message's own fields, with its people in the form `P`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageView<'a, P> {
    #[serde(rename = "_id")]
    #[schemars(with = "String")]
    id: Hex,
    created_at: Date,
    from: P,
    to: P,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    data: Option<&'a RawValue>,
    status: Status,
    #[schemars(with = "String")]
    chat_room_id: Hex,
    seq: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Via>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<Date>,
}

/// What sent a message in its sender's name, where that was no device of theirs.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Via {
    /// The application, by the HTTP API.
    Server,
}

impl<'a, P> MessageView<'a, P> {
    fn new(message: &'a crate::domain::Message, delivery: Delivery, from: P, to: P) -> Self {
        Self {
            id: message.id.to_hex(),
            created_at: Date(message.created_at),
            from,
            to,
            message: &message.message,
            kind: message.kind.as_deref(),
            // what another program stored may be no JSON: then there is none
            data: message
                .data
                .as_deref()
                .and_then(|data| serde_json::from_str(data).ok()),
            status: delivery.status,
            chat_room_id: message.chat_room.to_hex(),
            seq: message.seq,
            client_id: message.shown_client_id(),
            via: message.is_of_server().then_some(Via::Server),
            rev: message.rev,
            redacted: message.redacted,
            sent_at: delivery.sent_at.map(Date),
            read_at: delivery.read_at.map(Date),
        }
    }
}

/// The form of a person in a message.
pub(crate) trait Person<'a>: Serialize {
    fn of(user: &'a User) -> Self;
}

/// User details.
pub(super) type Details<'a> = &'a RawValue;

impl<'a> Person<'a> for Details<'a> {
    fn of(user: &'a User) -> Self {
        user_details(user)
    }
}

/// The id alone.
pub(crate) type Id<'a> = &'a UserId;

impl<'a> Person<'a> for Id<'a> {
    fn of(user: &'a User) -> Self {
        &user.id
    }
}

impl<'a, P: Person<'a>> From<&'a Stored> for MessageView<'a, P> {
    fn from(stored: &'a Stored) -> Self {
        let (from, to) = (P::of(&stored.from), P::of(&stored.to));
        Self::new(&stored.message, stored.delivery, from, to)
    }
}

impl Render for &Stored {
    fn v3(&self) -> Json {
        render(&MessageView::<Details<'_>>::from(*self)).into()
    }

    fn v3_compact(&self) -> Json {
        render(&MessageView::<Id<'_>>::from(*self)).into()
    }

    fn v1(&self) -> Json {
        render(&dialect1::MessageView::from(*self)).into()
    }
}

/// The answer to a send: the stored message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentMessage")]
pub(super) struct SentMessage<'a, P = Details<'a>> {
    #[serde(flatten)]
    #[schemars(with = "schema::Message")]
    message: MessageView<'a, P>,
    /// `true` if it was stored before under this `clientId`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl<'a, P: Person<'a>> SentMessage<'a, P> {
    /// The answer to a send with the client id of a stored message.
    pub(super) fn duplicate(stored: &'a Stored) -> Self {
        Self {
            message: MessageView::from(stored),
            duplicate: true,
        }
    }
}

/// Positions in a chat room, both ends included.
#[derive(Serialize, JsonSchema)]
pub(super) struct Range {
    from: Seq,
    to: Seq,
}

/// A message as it is now, which may stand for a range of them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StatusChange")]
pub(super) struct StatusChange<'a, P = Details<'a>> {
    #[serde(flatten)]
    #[schemars(with = "schema::Message")]
    message: MessageView<'a, P>,
    /// Every message of the same sender whose `seq` lies in it, both ends included.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
}

impl<'a, P: Person<'a>> From<&'a Advanced> for StatusChange<'a, P> {
    fn from(Advanced { newest, oldest, .. }: &'a Advanced) -> Self {
        let to = newest.message.seq;
        Self {
            message: MessageView::from(newest),
            range: oldest.map(|from| Range { from, to }),
        }
    }
}

/// The newest message of a contact, with the ids of both people.
type LastMessageView<'a> = MessageView<'a, Id<'a>>;

impl<'a> From<&'a LastMessage> for LastMessageView<'a> {
    fn from(last: &'a LastMessage) -> Self {
        Self::new(&last.message, last.delivery, &last.from, &last.to)
    }
}

/// A person with whom the user has a chat room.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Contact")]
pub(crate) struct ContactView<'a> {
    #[serde(flatten)]
    #[schemars(with = "schema::UserDetails")]
    user: Inlined<'a>,
    #[schemars(with = "String")]
    chat_room_id: Hex,
    status: PresenceStatus,
    last_online: Option<Date>,
    unread_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::LastMessage>")]
    last_message: Option<LastMessageView<'a>>,
    added_by: &'a UserId,
    added_at: Date,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    added_while_away: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_from: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<i64>,
}

impl<'a> From<&'a Contact> for ContactView<'a> {
    fn from(contact: &'a Contact) -> Self {
        Self {
            user: Inlined::of(&contact.user),
            chat_room_id: contact.room.to_hex(),
            status: contact.shown.status,
            last_online: contact.shown.last_online.map(Date),
            unread_count: contact.unread,
            last_message: contact.last_message.as_ref().map(Into::into),
            added_by: &contact.added_by,
            added_at: Date(contact.added_at),
            added_while_away: contact.added_while_away,
            missed_count: contact.cut.map(|(count, _)| count),
            missed_from: contact.cut.map(|(_, from)| from),
            rev: Some(contact.rev).filter(|rev| *rev > 0),
        }
    }
}

/// A person with whom the user has a chat room from now on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AddedContact")]
pub(super) struct AddedView<'a> {
    #[serde(flatten)]
    #[schemars(with = "schema::UserDetails")]
    user: Inlined<'a>,
    status: PresenceStatus,
    last_online: Option<Date>,
    #[schemars(with = "String")]
    chat_room_id: Hex,
    added_by: &'a UserId,
    added_at: Date,
}

impl<'a> From<&'a Contact> for AddedView<'a> {
    fn from(contact: &'a Contact) -> Self {
        Self {
            user: Inlined::of(&contact.user),
            status: contact.shown.status,
            last_online: contact.shown.last_online.map(Date),
            chat_room_id: contact.room.to_hex(),
            added_by: &contact.added_by,
            added_at: Date(contact.added_at),
        }
    }
}

/// Who may write to the user.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Privacy<'a> {
    whitelist_only: bool,
    whitelist: &'a [UserId],
}

impl<'a> From<&'a PrivacySettings> for Privacy<'a> {
    fn from(settings: &'a PrivacySettings) -> Self {
        Self {
            whitelist_only: settings.whitelist_only,
            whitelist: &settings.whitelist,
        }
    }
}
