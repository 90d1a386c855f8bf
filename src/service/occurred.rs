//! What the log of events refers to, as it is now: what the application hears of.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bson::DateTime;

use super::presence::Shown;
use super::{Error, Messenger, Opened};
use crate::config::EventType;
use crate::domain::{Message, Status};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq, UserId};
use crate::rooms::Stored;
use crate::store::{ChatRoom, ChatUser, Event, Occurrence, PresenceStatus, User, What};

/// What happened, with what it is about as it is now.
#[derive(Clone, Debug)]
pub enum Occurred {
    /// A message was stored.
    MessageCreated(Box<Stored>),
    /// Messages were read.
    MessageRead {
        /// Where.
        room: ChatRoomId,
        /// Who read them.
        reader: UserId,
        /// Who sent them.
        sender: UserId,
        /// Position of the oldest of them.
        from: Seq,
        /// Position of the newest of them.
        up_to: Seq,
        /// When.
        at: DateTime,
    },
    /// The application removed what messages said.
    MessageRedacted {
        /// Where.
        room: ChatRoomId,
        /// The messages.
        ids: Vec<MessageId>,
    },
    /// Two people got a chat room.
    ContactAdded(Opened),
    /// Somebody blocked a user (`true`), or unblocked them.
    Blocked {
        /// Who.
        by: UserId,
        /// Whom.
        who: UserId,
        /// Whether they blocked them.
        is_blocked: bool,
    },
    /// What was stored of somebody was removed.
    Erased(UserId),
    /// Somebody is to be notified of messages.
    NotificationDue {
        /// Who.
        user: UserId,
        /// Messages in the chat room that they have not read.
        count: i64,
        /// Messages in all chat rooms that they have not read.
        badge: i64,
        /// The newest of the messages.
        message: Box<Stored>,
    },
    /// They have read what they were to be notified of.
    NotificationWithdrawn {
        /// Who.
        user: UserId,
        /// Where.
        room: ChatRoomId,
        /// Position of the newest of the messages.
        up_to: Seq,
    },
    /// Somebody came or went.
    Presence {
        /// Who.
        who: UserId,
        /// How they are shown now.
        shown: Shown,
    },
}

impl Occurred {
    /// Its type.
    pub fn event_type(&self) -> EventType {
        match self {
            Self::MessageCreated(_) => EventType::MessageCreated,
            Self::MessageRead { .. } => EventType::MessageRead,
            Self::MessageRedacted { .. } => EventType::MessageRedacted,
            Self::ContactAdded(_) => EventType::ContactAdded,
            Self::Blocked {
                is_blocked: true, ..
            } => EventType::UserBlocked,
            Self::Blocked { .. } => EventType::UserUnblocked,
            Self::Erased(_) => EventType::UserErased,
            Self::NotificationDue { .. } => EventType::NotificationDue,
            Self::NotificationWithdrawn { .. } => EventType::NotificationWithdrawn,
            Self::Presence { shown, .. } => match shown.status {
                PresenceStatus::Online => EventType::UserOnline,
                PresenceStatus::Offline => EventType::UserOffline,
            },
        }
    }
}

/// What was read for a page.
struct Found {
    messages: HashMap<(ChatRoomId, Seq), Message>,
    rooms: HashMap<ChatRoomId, ChatRoom>,
    chat_users: HashMap<ChatUserId, ChatUser>,
    users: HashMap<ChatUserId, Arc<User>>,
    /// Messages that were changed, by chat room, first and last change.
    changed: HashMap<(ChatRoomId, i64, i64), Vec<MessageId>>,
    /// Messages that people have not read, of all their chat rooms.
    unread: HashMap<ChatUserId, i64>,
}

impl Messenger {
    /// Reads what occurrences are about, in the order given; `None` for what is not there any
    /// more.
    ///
    /// # Errors
    /// When the database cannot answer.
    #[tracing::instrument(name = "messenger.occurred", level = "debug", skip_all)]
    pub async fn occurred(&self, all: &[Occurrence]) -> Result<Vec<Option<Occurred>>, Error> {
        let of_read = |error| Error::of_read(&error);
        let (mut places, mut rooms) = (Vec::new(), HashSet::new());
        let (mut people, mut shown) = (HashSet::new(), HashSet::new());
        let mut notified = Vec::new();
        let mut changed = HashMap::new();
        for one in all {
            match &one.what {
                What::Message(message) => {
                    places.push((message.room, message.seq));
                    rooms.insert(message.room);
                }
                What::Item(item) => match &item.event {
                    Event::Advanced { reader, sender, .. } => people.extend([*reader, *sender]),
                    Event::Changed {
                        room, first, last, ..
                    } => {
                        let range = (first - 1, *last);
                        let limit = last - first + 1;
                        let messages = &self.store.messages;
                        let listed = messages.list_changed(*room, range, limit, None).await;
                        let listed = listed.map_err(of_read)?.into_iter();
                        let ids = listed.map(|one| one.id).collect();
                        changed.insert((*room, *first, *last), ids);
                    }
                    Event::ContactAdded { room, .. } => drop(rooms.insert(*room)),
                    Event::Blocked { by, who } | Event::Unblocked { by, who } => {
                        people.extend([*by, *who]);
                    }
                    Event::Presence { people, .. } => shown.extend(people.iter().copied()),
                    Event::NotificationDue { room, user, up_to } => {
                        places.push((*room, *up_to));
                        rooms.insert(*room);
                        notified.push(*user);
                    }
                    Event::NotificationWithdrawn { user, .. } => drop(people.insert(*user)),
                    Event::PrivacySet { .. } | Event::Erased { .. } | Event::Ended { .. } => {}
                },
            }
        }
        let messages = self.store.messages.list_at(&places).await;
        let messages = messages.map_err(of_read)?.into_iter();
        let rooms: Vec<ChatRoomId> = rooms.into_iter().collect();
        let rooms = self.store.chat_rooms.list(&rooms).await.map_err(of_read)?;
        people.extend(rooms.iter().flat_map(|room| room.members.ids()));
        people.extend(&shown);
        let shown: Vec<ChatUserId> = shown.into_iter().collect();
        let shown = self.store.chat_users.list(&shown).await.map_err(of_read)?;
        let people: Vec<ChatUserId> = people.into_iter().collect();
        notified.sort_unstable();
        notified.dedup();
        let unread = self.store.chat_rooms.list_unread(&notified).await;
        let unread = unread.map_err(of_read)?.into_iter();
        let found = Found {
            changed,
            unread: unread.map(|(who, of)| (who, of.0)).collect(),
            messages: messages
                .map(|one| ((one.chat_room, one.seq), one))
                .collect(),
            rooms: rooms.into_iter().map(|room| (room.id, room)).collect(),
            chat_users: shown.into_iter().map(|one| (one.id, one)).collect(),
            users: self.users_of(&people).await?,
        };
        Ok(all.iter().map(|one| self.as_now(&found, one)).collect())
    }

    fn as_now(&self, found: &Found, one: &Occurrence) -> Option<Occurred> {
        let user = |id: &ChatUserId| Some(found.users.get(id)?.id.clone());
        let item = match &one.what {
            What::Message(message) => {
                let message = found.messages.get(&(message.room, message.seq))?;
                let stored = self.stored_as_now(found, message)?;
                return Some(Occurred::MessageCreated(Box::new(stored)));
            }
            What::Item(item) => item,
        };
        Some(match &item.event {
            Event::Advanced {
                room,
                reader,
                sender,
                newest,
                oldest,
                at,
                ..
            } => Occurred::MessageRead {
                room: *room,
                reader: user(reader)?,
                sender: user(sender)?,
                from: oldest.unwrap_or(*newest),
                up_to: *newest,
                at: *at,
            },
            Event::Changed {
                room, first, last, ..
            } => {
                let ids = found.changed.get(&(*room, *first, *last))?.clone();
                // it was not known whether it was written
                (!ids.is_empty()).then_some(Occurred::MessageRedacted { room: *room, ids })?
            }
            Event::ContactAdded { room, .. } => {
                let room = found.rooms.get(room)?;
                Occurred::ContactAdded(Opened {
                    id: room.id,
                    members: [user(&room.added_by)?, user(&room.other(room.added_by))?],
                    added_by: user(&room.added_by)?,
                    added_at: room.created_at,
                    is_new: false,
                })
            }
            Event::Blocked { by, who } | Event::Unblocked { by, who } => Occurred::Blocked {
                by: user(by)?,
                who: user(who)?,
                is_blocked: matches!(item.event, Event::Blocked { .. }),
            },
            Event::Presence { people, .. } => {
                let who = found.chat_users.get(people.first()?)?;
                Occurred::Presence {
                    who: user(&who.id)?,
                    shown: self.presence.shown(who),
                }
            }
            Event::NotificationDue {
                room,
                user: who,
                up_to,
            } => {
                let message = found.messages.get(&(*room, *up_to))?;
                let stored = self.stored_as_now(found, message)?;
                // read by now
                if stored.delivery.status == Status::Read {
                    return None;
                }
                let room = found.rooms.get(room)?;
                let sender = room.members.position(message.from)?;
                let read = self.lanes.furthest(room.id, *who, room.cursors(*who)).read;
                Occurred::NotificationDue {
                    user: user(who)?,
                    count: (*message.counts.of(sender) - read.count).max(1),
                    badge: found.unread.get(who).copied().unwrap_or_default().max(1),
                    message: Box::new(stored),
                }
            }
            Event::NotificationWithdrawn {
                room,
                user: who,
                up_to,
            } => Occurred::NotificationWithdrawn {
                user: user(who)?,
                room: *room,
                up_to: *up_to,
            },
            Event::Erased { user, .. } => Occurred::Erased(user.clone()),
            Event::PrivacySet { .. } | Event::Ended { .. } => return None,
        })
    }

    fn stored_as_now(&self, found: &Found, message: &Message) -> Option<Stored> {
        let room = found.rooms.get(&message.chat_room)?;
        let user = |id| Some(Arc::clone(found.users.get(&id)?));
        // a withheld message does not say who it was for
        let to = room.other(message.from);
        let cursors = self.lanes.furthest(room.id, to, room.cursors(to));
        Some(Stored {
            from: user(message.from)?,
            to: user(to)?,
            receiver: to,
            delivery: message.delivery(&cursors, &[]),
            message: message.clone(),
            origin: None,
        })
    }
}
