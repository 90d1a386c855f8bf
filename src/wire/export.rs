//! What is stored of a user, one thing a line: the answer to `GET /v1/users/{id}/export`.

use schemars::JsonSchema;
use serde::Serialize;

use super::call::Message;
use super::time::Date;
use crate::id::{Hex, Seq, UserId};
use crate::service::presence::Shown;
use crate::service::{ExportPlace, Exported, RoomExported};
use crate::store;
use crate::store::PresenceStatus;

/// A line of an export.
#[derive(Serialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[schemars(rename = "ExportLine")]
pub(crate) enum Line<'a> {
    /// The user.
    User {
        /// Write it as `after` to go on behind this line.
        cursor: String,
        user: Person<'a>,
    },
    /// Whom they blocked, and who may write to them.
    Privacy {
        cursor: String,
        privacy: Privacy<'a>,
    },
    /// A chat room; its messages follow.
    ChatRoom {
        cursor: String,
        chat_room: ChatRoom<'a>,
    },
    /// A message that the user sent or received.
    Message {
        cursor: String,
        message: Box<Message<'a>>,
    },
    /// That was everything. Without this line the answer was cut off.
    End {
        /// Always `true`.
        end: bool,
        /// Chat rooms in this answer.
        chat_rooms: u64,
        /// Messages in this answer.
        messages: u64,
    },
    /// It cannot go on now: ask again with the last `cursor`.
    Error {
        /// As in the answer to another call.
        code: super::Code,
        detail: String,
    },
}

/// The user, as far as chatzz stores them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedUser")]
pub(crate) struct Person<'a> {
    user_id: &'a UserId,
    /// Whether they have ever taken part in the messenger.
    takes_part: bool,
    status: PresenceStatus,
    last_online: Option<Date>,
}

/// What the user set.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedPrivacy")]
pub(crate) struct Privacy<'a> {
    whitelist_only: bool,
    whitelist: Vec<&'a UserId>,
    blocked: Vec<BlockedUser<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct BlockedUser<'a> {
    user_id: &'a UserId,
    since: Date,
}

/// A chat room of the user.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedChatRoom")]
pub(crate) struct ChatRoom<'a> {
    #[serde(rename = "_id")]
    #[schemars(with = "String")]
    id: Hex,
    /// The other user.
    user_id: &'a UserId,
    added_by: &'a UserId,
    added_at: Date,
    /// Up to which `seq` the user has read, and when they last did.
    read_up_to: Seq,
    read_at: Option<Date>,
    /// Up to which `seq` a device of the user has confirmed.
    delivered_up_to: Seq,
    /// Up to which `seq` the other user has read.
    other_read_up_to: Seq,
}

impl<'a> Line<'a> {
    /// A thing, and where it stands.
    pub(crate) fn new(place: ExportPlace, exported: &'a Exported) -> Self {
        let cursor = place.to_text();
        match exported {
            Exported::User(user_id, shown) => Self::User {
                cursor,
                user: Person::new(user_id, shown.as_ref()),
            },
            Exported::Privacy(privacy) => Self::Privacy {
                cursor,
                privacy: privacy.into(),
            },
            Exported::ChatRoom(room) => Self::ChatRoom {
                cursor,
                chat_room: room.into(),
            },
            Exported::Message(stored) => Self::Message {
                cursor,
                message: Box::new(Message::as_sent(stored)),
            },
        }
    }
}

impl<'a> Person<'a> {
    fn new(user_id: &'a UserId, shown: Option<&Shown>) -> Self {
        Self {
            user_id,
            takes_part: shown.is_some(),
            status: shown.map_or(PresenceStatus::Offline, |shown| shown.status),
            last_online: shown.and_then(|shown| shown.last_online).map(Date),
        }
    }
}

impl<'a> From<&'a store::Privacy> for Privacy<'a> {
    fn from(privacy: &'a store::Privacy) -> Self {
        let blocked = privacy.blocked.iter().map(|one| BlockedUser {
            user_id: &one.user,
            since: Date(one.at),
        });
        Self {
            whitelist_only: privacy.whitelist_only,
            whitelist: privacy.whitelist.iter().map(|one| &one.user).collect(),
            blocked: blocked.collect(),
        }
    }
}

impl<'a> From<&'a RoomExported> for ChatRoom<'a> {
    fn from(room: &'a RoomExported) -> Self {
        Self {
            id: room.id.to_hex(),
            user_id: &room.with,
            added_by: &room.added_by,
            added_at: Date(room.added_at),
            read_up_to: room.cursors.read.seq,
            read_at: room.cursors.read.at.map(Date),
            delivered_up_to: room.cursors.delivered,
            other_read_up_to: room.of_other.read.seq,
        }
    }
}
