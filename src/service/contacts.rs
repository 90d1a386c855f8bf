//! Contacts: the people one has a chat room with.

use std::collections::HashMap;
use std::sync::Arc;

use bson::DateTime;

use super::presence::{Description, Shown};
use super::{Actor, Error, IdInput, Me, Messenger, Reception};
use crate::domain::{Cursors, Delivery, Members, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::store::{ChatRoom, ChatUser, Event, User};

/// Bytes of contacts in one answer, about: with the missed messages of a login they are sent
/// at 200 kbit/s between two pings.
const MAX_BYTES: usize = 128 * 1024;
/// Bytes of a contact beside its user details and the text of the last message.
const CONTACT_BYTES: usize = 700;
/// Chat rooms that are described at first: nearly everybody's contacts in one round of
/// reads, and with the longest texts and data less than 4 MiB of them.
const ROOMS_AT_FIRST: usize = 100;
/// Most chat rooms that are described at the same time.
const ROOMS_AT_ONCE: usize = 200;

/// One contact, as shown to the user whose contact it is.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The person inside the messenger.
    pub id: ChatUserId,
    /// The person in the application.
    pub user: Arc<User>,
    /// The chat room with them.
    pub room: ChatRoomId,
    /// Its two members.
    pub members: Members,
    /// Whether they are online, and when they last went offline.
    pub shown: Shown,
    /// Their messages that are not read yet.
    pub unread: i64,
    /// The last message, with the ids of both sides.
    pub last_message: Option<LastMessage>,
    /// Who created the chat room.
    pub added_by: UserId,
    /// When.
    pub added_at: DateTime,
    /// How many messages are missed and where they begin, if the login does not contain all.
    pub cut: Option<(i64, Seq)>,
    /// Up to which `rev` messages of the chat room may have been changed.
    pub rev: i64,
    /// How far the owner got in the chat room.
    pub cursors: Cursors,
    /// Whether they added the user while the user was offline; only known at a login.
    pub added_while_away: bool,
}

/// The last message of a chat room.
#[derive(Clone, Debug)]
pub struct LastMessage {
    /// The message.
    pub message: Message,
    /// How far it got.
    pub delivery: Delivery,
    /// Its sender's id in the application.
    pub from: UserId,
    /// Its receiver's id in the application.
    pub to: UserId,
}

/// A chat room that was opened, or was there.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id.
    pub id: ChatRoomId,
    /// The two users, the one who adds first.
    pub members: [UserId; 2],
    /// Who created it.
    pub added_by: UserId,
    /// When.
    pub added_at: DateTime,
    /// Whether this call created it.
    pub is_new: bool,
}

/// What adding somebody did.
#[derive(Clone, Debug)]
pub struct Added {
    /// The added user, as the one who added them sees them.
    pub added: Contact,
    /// The one who added, as the added user sees them.
    pub adder: Contact,
    /// Whether this call created the chat room.
    pub created: bool,
    /// Whose presence this tells to whom.
    pub described: Vec<Description>,
}

impl Messenger {
    /// Opens the chat room with somebody; the same one however often.
    ///
    /// # Errors
    /// [`Error::CannotAddSelf`], [`Error::UserNotFound`], [`Error::Blocked`] and
    /// [`Error::Refused`] for a new chat room, or failures.
    #[tracing::instrument(name = "messenger.add", level = "debug", skip_all)]
    pub async fn add(&self, me: &Me, whom: &IdInput) -> Result<Added, Error> {
        let added = self.open(me, whom, Actor::User);
        self.in_constant_time(added).await
    }

    pub(super) async fn open(&self, me: &Me, whom: &IdInput, actor: Actor) -> Result<Added, Error> {
        let user = self.user(whom).await?;
        if user.id == me.user {
            return Err(Error::CannotAddSelf);
        }
        self.check_rule(me, &user.id, actor).await?;
        let of_write = |error| Error::of_write(&error);
        let other = self
            .store
            .chat_users
            .get_or_create(&user.id)
            .await
            .map_err(of_write)?;
        let members = Members::new(me.id, other.id).ok_or(Error::CannotAddSelf)?;
        let is_new = self.room(members).await?.is_none();
        if is_new {
            self.check_block(me, other.id, actor).await?;
            if self.ask_before_add(me, &user.id, actor).await? {
                // the answer took its time
                self.check_rule(me, &user.id, actor).await?;
                self.check_block(me, other.id, actor).await?;
            }
        }
        let blocked_since = self.privacies.of(me.id).await?.blocked_since(other.id);
        // all that may fail is read before: a new chat room has to be announced
        let mine = self.directory.get(&me.user).await?;
        let shown = self.shown_self(me).await?;
        let shown = match actor {
            Actor::User => shown.online(),
            // no device of theirs asks: they may be away
            Actor::Server { .. } => shown,
        };
        let opened = self
            .store
            .chat_rooms
            .get_or_create(members, self.clock.now())
            .await
            .map_err(of_write)?;
        self.presence.add_contacts(me.id, [other.id]);
        self.presence.add_contacts(other.id, [me.id]);
        if opened.created {
            self.events.happened(Event::ContactAdded {
                room: opened.room.id,
                members: [me.id, other.id],
            });
        }
        let contact = if opened.created {
            // a change from now on finds the chat room, and is announced
            let read = self.store.chat_users.list(&[other.id]).await;
            let other = read.ok().and_then(|mut read| read.pop()).unwrap_or(other);
            self.contact(me, &opened.room, &other, user, None)
        } else {
            let mut contacts = self.describe(me, vec![opened.room]).await?;
            contacts.pop().ok_or(Error::Internal)?
        };
        let mut adder = Contact {
            id: me.id,
            user: mine,
            shown,
            unread: 0,
            last_message: None,
            cut: None,
            cursors: Cursors::default(),
            added_while_away: false,
            ..contact.clone()
        };
        adder.apply_blocks(blocked_since);
        let mut described = vec![contact.described_to(me.id)];
        if opened.created {
            described.push(Description {
                to: contact.id,
                ..adder.described_to(me.id)
            });
        }
        Ok(Added {
            added: contact,
            adder,
            created: opened.created,
            described,
        })
    }

    async fn check_rule(&self, me: &Me, whom: &UserId, actor: Actor) -> Result<(), Error> {
        if actor.ignores_rule() || self.rule.ask(me, whom).await? {
            return Ok(());
        }
        Err(Error::UserNotFound)
    }

    /// Refuses a new chat room with somebody who has blocked me: without one there is nothing
    /// that could be withheld.
    async fn check_block(&self, me: &Me, other: ChatUserId, actor: Actor) -> Result<(), Error> {
        if actor.ignores_block() || self.reception(other, me).await? == Reception::Taken {
            return Ok(());
        }
        Err(Error::Blocked)
    }

    async fn shown_self(&self, me: &Me) -> Result<Shown, Error> {
        let mine = self
            .store
            .chat_users
            .list(&[me.id])
            .await
            .map_err(|error| Error::of_read(&error))?;
        let mine = mine.first().ok_or(Error::Internal)?;
        Ok(self.presence.shown(mine))
    }

    /// Describes the contacts behind the first of these chat rooms, as many as one answer
    /// may contain, newest conversation first; tells how many chat rooms were looked at.
    pub(super) async fn describe_fitting(
        &self,
        me: &Me,
        rooms: Vec<ChatRoom>,
    ) -> Result<(Vec<Contact>, usize), Error> {
        let mut described: Vec<Contact> = Vec::new();
        let (mut bytes, mut looked_at) = (0, 0);
        let mut rooms = rooms.into_iter();
        let mut next = ROOMS_AT_FIRST;
        loop {
            let some: Vec<ChatRoom> = rooms.by_ref().take(next).collect();
            if some.is_empty() {
                break;
            }
            let order: Vec<ChatRoomId> = some.iter().map(|room| room.id).collect();
            let found = self.describe(me, some).await?.into_iter();
            let mut found: HashMap<ChatRoomId, Contact> =
                found.map(|contact| (contact.room, contact)).collect();
            for room in order {
                if let Some(contact) = found.remove(&room) {
                    bytes += contact.size();
                    if bytes > MAX_BYTES && !described.is_empty() {
                        return Ok((in_order(described), looked_at));
                    }
                    described.push(contact);
                }
                looked_at += 1;
            }
            // as many as fit if they are like those before, and one more
            let each = (bytes / looked_at.max(1)).max(1);
            next = ((MAX_BYTES - bytes.min(MAX_BYTES)) / each + 1).min(ROOMS_AT_ONCE);
        }
        Ok((in_order(described), looked_at))
    }

    /// Describes the contacts behind chat rooms, newest conversation first.
    ///
    /// Four queries, whatever their number.
    pub(super) async fn describe(
        &self,
        me: &Me,
        rooms: Vec<ChatRoom>,
    ) -> Result<Vec<Contact>, Error> {
        let room_ids: Vec<ChatRoomId> = rooms.iter().map(|room| room.id).collect();
        let others: Vec<ChatUserId> = rooms.iter().map(|room| room.other(me.id)).collect();
        let (people, hidden, last) = futures::try_join!(
            self.contact_users(&others),
            self.hidden_from(me, &others),
            async {
                let messages = &self.store.messages;
                let last = messages.list_last_seen_by(me.id, &room_ids).await;
                last.map_err(|error| Error::of_read(&error))
            },
        )?;
        let mut last: HashMap<ChatRoomId, Message> =
            last.into_iter().map(|m| (m.chat_room, m)).collect();
        let contacts: Vec<Contact> = rooms
            .into_iter()
            .filter_map(|room| {
                let (document, user) = people.get(&room.other(me.id))?;
                let last = last.remove(&room.id);
                let mut contact = self.contact(me, &room, document, Arc::clone(user), last);
                contact.apply_blocks(hidden.get(&contact.id).copied());
                Some(contact)
            })
            .collect();
        Ok(in_order(contacts))
    }

    /// The chat users and users behind contacts; two queries.
    pub(super) async fn contact_users(
        &self,
        ids: &[ChatUserId],
    ) -> Result<HashMap<ChatUserId, (ChatUser, Arc<User>)>, Error> {
        let documents = self
            .store
            .chat_users
            .list(ids)
            .await
            .map_err(|error| Error::of_read(&error))?;
        let users = documents.iter().map(|document| document.user.clone());
        let mut users = self.directory.list(users.collect()).await?;
        Ok(documents
            .into_iter()
            .filter_map(|document| {
                let user = users.remove(&document.user)?;
                Some((document.id, (document, user)))
            })
            .collect())
    }

    fn contact(
        &self,
        me: &Me,
        room: &ChatRoom,
        document: &ChatUser,
        user: Arc<User>,
        last: Option<Message>,
    ) -> Contact {
        let id_of = |who: ChatUserId| {
            if who == me.id {
                me.user.clone()
            } else {
                document.user.clone()
            }
        };
        let cursors = |who| self.lanes.furthest(room.id, who, room.cursors(who));
        let mut mine = cursors(me.id);
        let behind = self.write_behind.known_delivered(room.id, me.id);
        mine.delivered = mine.delivered.max(behind);
        let unread = last.as_ref().and_then(|last| {
            let other = room.members.position(document.id)?;
            // a receipt may be newer than the last message that was read beside it
            Some((*last.counts.of(other) - mine.read.count).max(0))
        });
        Contact {
            id: document.id,
            user,
            room: room.id,
            members: room.members,
            shown: self.presence.shown(document),
            unread: unread.unwrap_or_default(),
            last_message: last.map(|message| LastMessage {
                from: id_of(message.from),
                to: id_of(message.to),
                delivery: message.delivery(&cursors(message.to), &[]),
                message,
            }),
            added_by: id_of(room.added_by),
            added_at: room.created_at,
            cut: None,
            added_while_away: false,
            cursors: mine,
            rev: room.rev,
        }
    }
}

/// Newest conversation first: not in the order of the rooms, since what is withheld moves
/// them.
fn in_order(mut contacts: Vec<Contact>) -> Vec<Contact> {
    contacts.sort_by_key(|contact| std::cmp::Reverse((contact.newest(), contact.room)));
    contacts
}

impl Contact {
    /// Bytes in an answer, about.
    fn size(&self) -> usize {
        let last = self.last_message.as_ref();
        let text = last.map_or(0, |last| last.message.content_bytes());
        self.user.size() + text + CONTACT_BYTES
    }

    /// What `me` is shown of their presence.
    pub fn described_to(&self, me: ChatUserId) -> Description {
        Description {
            who: self.id,
            to: me,
            shown: self.shown,
        }
    }

    /// Shows them as they were when they blocked the user who looks.
    fn apply_blocks(&mut self, blocked_since: Option<DateTime>) {
        if let Some(at) = blocked_since {
            self.shown = Shown::hidden(at);
        }
    }

    /// When something last happened in the conversation.
    fn newest(&self) -> DateTime {
        self.last_message
            .as_ref()
            .map_or(self.added_at, |last| last.message.created_at)
    }
}
