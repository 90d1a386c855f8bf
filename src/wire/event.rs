//! Events as the application's back end sees them, pulled or pushed.

use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Message, OpenedChatRoom};
use super::time::Date;
use crate::id::{Hex, Seq, UserId};
use crate::service::Occurred;
use crate::store::{Occurrence, PresenceStatus};

/// Something that happened, with what it is about as it is now.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type")]
pub(crate) enum Event<'a> {
    /// A message was stored.
    #[serde(rename = "message.created")]
    MessageCreated(Box<About<MessageCreated<'a>>>),
    /// Messages were read.
    #[serde(rename = "message.read")]
    MessageRead(About<MessageRead<'a>>),
    /// The application removed what messages said.
    #[serde(rename = "message.redacted")]
    MessageRedacted(About<MessageRedacted>),
    /// Two users got a chat room.
    #[serde(rename = "contact.added")]
    ContactAdded(About<ContactAdded<'a>>),
    /// A user blocked another one.
    #[serde(rename = "user.blocked")]
    UserBlocked(About<UserBlocked<'a>>),
    /// A user unblocked another one.
    #[serde(rename = "user.unblocked")]
    UserUnblocked(About<UserBlocked<'a>>),
    /// What was stored of a user was removed.
    #[serde(rename = "user.erased")]
    UserErased(About<UserErased<'a>>),
    /// A user is to be notified: no device of theirs confirmed a message in time.
    #[serde(rename = "notification.due")]
    NotificationDue(Box<About<NotificationDue<'a>>>),
    /// The user has read what they were to be notified of: take the notification back.
    #[serde(rename = "notification.withdrawn")]
    NotificationWithdrawn(About<NotificationWithdrawn<'a>>),
    /// A user is online.
    #[serde(rename = "user.online")]
    UserOnline(About<UserPresence<'a>>),
    /// A user is offline.
    #[serde(rename = "user.offline")]
    UserOffline(About<UserPresence<'a>>),
}

/// What every event has.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct About<T> {
    /// The same however often the event is delivered: leave out what you had.
    id: String,
    /// When it happened.
    timestamp: Date,
    /// Of pulled events: write it as `after` to go on behind this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    data: T,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct MessageCreated<'a> {
    /// As it is now.
    message: Message<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageRead<'a> {
    #[schemars(with = "String")]
    chat_room_id: Hex,
    /// Who read them.
    reader: &'a UserId,
    /// Who sent them.
    sender: &'a UserId,
    /// The `seq` of the first of them; those of `reader` in between do not count.
    from_seq: Seq,
    /// The `seq` of the last of them.
    up_to_seq: Seq,
    read_at: Date,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageRedacted {
    #[schemars(with = "String")]
    chat_room_id: Hex,
    /// The ids of the messages.
    #[schemars(with = "Vec<String>")]
    message_ids: Vec<Hex>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactAdded<'a> {
    chat_room: OpenedChatRoom<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserBlocked<'a> {
    user_id: &'a UserId,
    /// The other one.
    other_id: &'a UserId,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserErased<'a> {
    user_id: &'a UserId,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserPresence<'a> {
    user_id: &'a UserId,
    last_online: Option<Date>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationDue<'a> {
    /// Who is to be notified.
    user_id: &'a UserId,
    #[schemars(with = "String")]
    chat_room_id: Hex,
    /// The `seq` of `message`.
    up_to_seq: Seq,
    /// Messages in this chat room that they have not read, at least 1.
    count: i64,
    /// Messages in all chat rooms that they have not read, for the icon of the app.
    badge: i64,
    /// The newest of the messages.
    message: Message<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationWithdrawn<'a> {
    user_id: &'a UserId,
    #[schemars(with = "String")]
    chat_room_id: Hex,
    /// As in the `notification.due`.
    up_to_seq: Seq,
}

/// A page of events.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventPage<'a> {
    /// In the order in which they happened, as far as they are about the same chat room.
    events: Vec<Event<'a>>,
    /// Write it as `after` of the next call, also if there are no events.
    cursor: String,
    /// Whether there are more already.
    has_more: bool,
}

impl<'a> EventPage<'a> {
    /// A page of events, each with the cursor behind it.
    pub(crate) fn new(
        events: impl Iterator<Item = (&'a Occurrence, &'a Occurred, String)>,
        cursor: String,
        has_more: bool,
    ) -> Self {
        let events = events.map(|(one, now, behind)| Event::new(one, now, Some(&behind)));
        Self {
            events: events.collect(),
            cursor,
            has_more,
        }
    }
}

impl<'a> Event<'a> {
    /// An occurrence, what it is about, and the cursor behind it if it is pulled.
    pub(crate) fn new(one: &Occurrence, now: &'a Occurred, cursor: Option<&str>) -> Self {
        let one = (one, cursor);
        match now {
            Occurred::MessageCreated(stored) => {
                let message = Message::from(&**stored);
                Self::MessageCreated(Box::new(about(one, MessageCreated { message })))
            }
            Occurred::MessageRead {
                room,
                reader,
                sender,
                from,
                up_to,
                at,
            } => {
                let read = MessageRead {
                    chat_room_id: room.to_hex(),
                    reader,
                    sender,
                    from_seq: *from,
                    up_to_seq: *up_to,
                    read_at: Date(*at),
                };
                Self::MessageRead(about(one, read))
            }
            Occurred::MessageRedacted { room, ids } => {
                let redacted = MessageRedacted {
                    chat_room_id: room.to_hex(),
                    message_ids: ids.iter().map(|id| id.to_hex()).collect(),
                };
                Self::MessageRedacted(about(one, redacted))
            }
            Occurred::ContactAdded(opened) => {
                let chat_room = opened.into();
                Self::ContactAdded(about(one, ContactAdded { chat_room }))
            }
            Occurred::Blocked {
                by: user_id,
                who: other_id,
                is_blocked,
            } => {
                let blocked = about(one, UserBlocked { user_id, other_id });
                if *is_blocked {
                    Self::UserBlocked(blocked)
                } else {
                    Self::UserUnblocked(blocked)
                }
            }
            Occurred::Erased(user_id) => Self::UserErased(about(one, UserErased { user_id })),
            Occurred::NotificationDue {
                user,
                count,
                badge,
                message,
            } => {
                let due = NotificationDue {
                    user_id: user,
                    chat_room_id: message.message.chat_room.to_hex(),
                    up_to_seq: message.message.seq,
                    count: *count,
                    badge: *badge,
                    message: Message::from(&**message),
                };
                Self::NotificationDue(Box::new(about(one, due)))
            }
            Occurred::NotificationWithdrawn { user, room, up_to } => {
                let withdrawn = NotificationWithdrawn {
                    user_id: user,
                    chat_room_id: room.to_hex(),
                    up_to_seq: *up_to,
                };
                Self::NotificationWithdrawn(about(one, withdrawn))
            }
            Occurred::Presence { who, shown } => {
                let presence = UserPresence {
                    user_id: who,
                    last_online: shown.last_online.map(Date),
                };
                let presence = about(one, presence);
                match shown.status {
                    PresenceStatus::Online => Self::UserOnline(presence),
                    PresenceStatus::Offline => Self::UserOffline(presence),
                }
            }
        }
    }
}

fn about<T>((one, cursor): (&Occurrence, Option<&str>), data: T) -> About<T> {
    About {
        id: one.id(),
        timestamp: Date(one.at),
        cursor: cursor.map(str::to_owned),
        data,
    }
}

/// An event that was set aside.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    /// What to write into the path of a retry.
    id: String,
    /// The `id` of the event.
    event_id: String,
    /// When the event happened.
    timestamp: Date,
    /// Why it was not taken the last time.
    reason: String,
    /// How often it was refused since it was set aside, or asked for.
    attempts: i64,
    /// When that was.
    since: Date,
    /// `false`: it is not tried any more, unless somebody asks for it.
    is_tried: bool,
}

impl From<&crate::store::Letter> for Letter {
    fn from(letter: &crate::store::Letter) -> Self {
        Self {
            id: letter.id(),
            event_id: letter.occurrence.id(),
            timestamp: Date(letter.occurrence.at),
            reason: letter.reason.clone(),
            attempts: letter.attempts,
            since: Date(letter.since),
            is_tried: !letter.is_dead,
        }
    }
}

/// Events that were set aside.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letters {
    pub(crate) letters: Vec<Letter>,
    /// Whether there are more: continue with the `id` of the last one as `after`.
    pub(crate) has_more: bool,
}
