//! Answers of the HTTP API: what the application's back end sees. People are ids: it has
//! their details itself.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::time::Date;
pub(crate) use super::view::Privacy;
use super::view::{ContactView, Id, MessageView};
use super::{schema, user_details};
use crate::domain::Cursors;
use crate::id::{Hex, Seq, UserId};
use crate::rooms::Stored;
use crate::service;
use crate::service::presence::Shown;
use crate::service::{
    ActivePage, BlockedPage, IdInput, LastMessage, MessagePage, Opened, RoomSeen, UnreadTotal,
    UserSeen,
};
use crate::store::PresenceStatus;

/// A message, with the ids of both people.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message<'a> {
    #[serde(flatten)]
    #[schemars(with = "MessageView<'static, UserId>")]
    shown: MessageView<'a, Id<'a>>,
    /// The application's own key, if it sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// `true`: the receiver never sees it, by a hook or a block, and the sender does not notice.
    /// Let neither of them know.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    withheld: bool,
}

impl<'a> From<&'a Stored> for Message<'a> {
    fn from(stored: &'a Stored) -> Self {
        Self {
            withheld: stored.message.is_withheld(),
            ..Self::as_sent(stored)
        }
    }
}

impl<'a> From<&'a LastMessage> for Message<'a> {
    fn from(last: &'a LastMessage) -> Self {
        Self {
            shown: last.into(),
            key: last.message.server_key(),
            withheld: last.message.is_withheld(),
        }
    }
}

impl<'a> Message<'a> {
    /// As its sender sees it, who must not notice that it is withheld.
    pub(super) fn as_sent(stored: &'a Stored) -> Self {
        Self {
            shown: stored.into(),
            key: stored.message.server_key(),
            withheld: false,
        }
    }
}

/// A message that was sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentMessage")]
pub(crate) struct SentAs<'a> {
    #[serde(flatten)]
    message: Message<'a>,
    /// `true` if it was stored before under this `key`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl<'a> SentAs<'a> {
    /// A stored message, now or before.
    pub(crate) fn new(stored: &'a Stored, is_duplicate: bool) -> Self {
        Self {
            message: Message::as_sent(stored),
            duplicate: is_duplicate,
        }
    }
}

/// Messages of a chat room, ascending.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Messages<'a> {
    messages: Vec<Message<'a>>,
    /// Whether there are more in the direction asked for.
    has_more: bool,
}

impl<'a> From<&'a MessagePage> for Messages<'a> {
    fn from(page: &'a MessagePage) -> Self {
        Self {
            messages: page.messages.iter().map(Into::into).collect(),
            has_more: page.has_more,
        }
    }
}

/// What was redacted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redacted {
    /// How many messages.
    #[serde(rename = "redacted")]
    count: u64,
    /// The `seq` up to which nothing is left to redact.
    up_to: Seq,
    /// Whether there may be more.
    has_more: bool,
}

impl From<&service::Redacted> for Redacted {
    fn from(redacted: &service::Redacted) -> Self {
        Self {
            count: redacted.count,
            up_to: redacted.up_to,
            has_more: redacted.has_more,
        }
    }
}

/// A chat room.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatRoom<'a> {
    #[serde(rename = "_id")]
    #[schemars(with = "String")]
    id: Hex,
    /// Its two people.
    members: [Member<'a>; 2],
    added_by: &'a UserId,
    added_at: Date,
    /// Its newest message, also one that is withheld from one of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<Message<'a>>,
}

/// A chat room that was opened: nothing of what is said in it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenedChatRoom<'a> {
    #[serde(rename = "_id")]
    #[schemars(with = "String")]
    id: Hex,
    /// The ids of its two people.
    members: [&'a UserId; 2],
    added_by: &'a UserId,
    added_at: Date,
    /// `true` if this call created it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    created: bool,
}

impl<'a> From<&'a Opened> for OpenedChatRoom<'a> {
    fn from(opened: &'a Opened) -> Self {
        Self {
            id: opened.id.to_hex(),
            members: opened.members.each_ref(),
            added_by: &opened.added_by,
            added_at: Date(opened.added_at),
            created: opened.is_new,
        }
    }
}

/// One of the two people of a chat room.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member<'a> {
    user_id: &'a UserId,
    /// Messages that they have not read.
    unread_count: i64,
    /// Up to which `seq` they have read.
    read_up_to: Seq,
    /// Up to which `seq` a device of theirs has confirmed.
    delivered_up_to: Seq,
}

impl<'a> From<&'a (UserId, Cursors, i64)> for Member<'a> {
    fn from((user_id, cursors, unread_count): &'a (UserId, Cursors, i64)) -> Self {
        Self {
            user_id,
            unread_count: *unread_count,
            read_up_to: cursors.read.seq,
            delivered_up_to: cursors.delivered,
        }
    }
}

impl<'a> ChatRoom<'a> {
    /// A chat room as it was read.
    pub(crate) fn new(room: &'a RoomSeen) -> Self {
        Self {
            id: room.document.id.to_hex(),
            members: room.members.each_ref().map(Into::into),
            added_by: &room.added_by,
            added_at: Date(room.document.created_at),
            last_message: room.last_message.as_ref().map(Into::into),
        }
    }
}

/// A user.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "User")]
pub(crate) struct SeenUser<'a> {
    /// The fields that clients are shown.
    #[schemars(with = "schema::UserDetails")]
    user: &'a RawValue,
    /// Whether they have ever taken part in the messenger.
    takes_part: bool,
    status: PresenceStatus,
    last_online: Option<Date>,
}

impl<'a> From<&'a UserSeen> for SeenUser<'a> {
    fn from(seen: &'a UserSeen) -> Self {
        let shown = seen.shown.as_ref();
        Self {
            user: user_details(&seen.user),
            takes_part: shown.is_some(),
            status: shown.map_or(PresenceStatus::Offline, |shown| shown.status),
            last_online: shown.and_then(|shown| shown.last_online).map(Date),
        }
    }
}

/// The chat rooms of a user, each with the other person as the user is shown them.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contacts<'a> {
    contacts: Vec<ContactView<'a>>,
    has_more: bool,
}

impl<'a> From<&'a ActivePage> for Contacts<'a> {
    fn from(page: &'a ActivePage) -> Self {
        Self {
            contacts: page.contacts.iter().map(Into::into).collect(),
            has_more: page.has_more,
        }
    }
}

/// Whether users are online.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Presences<'a> {
    users: Vec<Presence<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UserPresence")]
struct Presence<'a> {
    /// As it was asked.
    user_id: &'a IdInput,
    status: PresenceStatus,
    last_online: Option<Date>,
}

impl<'a> Presences<'a> {
    /// How these users are shown, in the same order.
    pub(crate) fn new(users: &'a [IdInput], shown: &[Option<Shown>]) -> Self {
        let users = users.iter().zip(shown).map(|(user_id, shown)| Presence {
            user_id,
            status: shown.map_or(PresenceStatus::Offline, |shown| shown.status),
            last_online: shown.and_then(|shown| shown.last_online).map(Date),
        });
        Self {
            users: users.collect(),
        }
    }
}

/// Unread messages of users.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Unread<'a> {
    users: Vec<UnreadOf<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UnreadOf<'a> {
    /// As it was asked.
    user_id: &'a IdInput,
    /// Unread messages, of all chat rooms.
    unread_count: i64,
    /// Chat rooms with unread messages.
    chat_rooms: i64,
}

impl<'a> Unread<'a> {
    /// What these users have not read, in the same order.
    pub(crate) fn new(users: &'a [IdInput], totals: &[UnreadTotal]) -> Self {
        let users = users.iter().zip(totals).map(|(user_id, total)| UnreadOf {
            user_id,
            unread_count: total.messages,
            chat_rooms: total.chat_rooms,
        });
        Self {
            users: users.collect(),
        }
    }
}

/// How many messages were read.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Read {
    /// Those that were not read before.
    pub(crate) read: u64,
}

/// How many messages have arrived.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Delivered {
    /// Those that were not sent before.
    pub(crate) delivered: u64,
}

/// Whom a user blocked.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockedUsers<'a> {
    /// The ids of the users, the first blocked first.
    users: Vec<&'a UserId>,
    /// Whether there are more: continue with the last one as `after`.
    has_more: bool,
}

impl<'a> From<&'a BlockedPage> for BlockedUsers<'a> {
    fn from(page: &'a BlockedPage) -> Self {
        Self {
            users: page.users.iter().map(|user| &user.id).collect(),
            has_more: page.has_more,
        }
    }
}

/// How much there is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    /// Users who ever took part, about.
    users: u64,
    /// Conversations, about.
    chat_rooms: u64,
    /// Messages, about.
    messages: u64,
    /// Users who are online at any server.
    online: u64,
    /// Servers that run.
    servers: usize,
    /// Entries of the log of events that this server has yet to read: more than a few for
    /// more than a moment means that it cannot keep up.
    log_behind: i64,
}

impl From<&service::Stats> for Stats {
    fn from(stats: &service::Stats) -> Self {
        let sizes = stats.sizes;
        Self {
            users: sizes.chat_users,
            chat_rooms: sizes.chat_rooms,
            messages: sizes.messages,
            online: sizes.online,
            servers: stats.servers,
            log_behind: stats.log_behind,
        }
    }
}

/// Whether a user is blocked.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Blocked {
    /// As it is from now on.
    pub(crate) blocked: bool,
}

/// How many sockets were ended.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ended {
    /// Those at the server that was asked; the other servers end theirs as well.
    pub(crate) ended: usize,
}

/// Whether somebody was there.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Online {
    /// Whether it was sent to a socket.
    pub(crate) online: bool,
}
