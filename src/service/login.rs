//! What a login contains.

use std::collections::HashSet;
use std::sync::Arc;

use bson::DateTime;

use super::{Contact, Error, IdInput, Me, Messenger, People, SentRange};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::rooms::{JUST_NOW, Stored};
use crate::store::{ChatUser, PresenceStatus, User};

/// Chat rooms read at a login: more do not fit into it.
const MAX_ROOMS: i64 = 200;

/// Most contacts of a login in dialect 1, which has no further pages of them.
const MAX_CONTACTS: usize = 2_000;
/// Bytes of the details of those that are added, 2 MiB.
const MAX_CONTACT_BYTES: usize = 2 * 1024 * 1024;
/// Of them, how many are read at once.
const CONTACTS_AT_ONCE: usize = 100;

/// Everything `user-details` contains, and what follows once it is sent.
#[derive(Clone, Debug)]
pub struct Login {
    /// The person inside the messenger.
    pub id: ChatUserId,
    /// The person in the application.
    pub user: Arc<User>,
    /// When they last went offline.
    pub last_online: Option<DateTime>,
    /// Their contacts, newest conversation first, as many as fit.
    pub contacts: Vec<Contact>,
    /// Whether there are more contacts than these.
    pub more_contacts: bool,
    /// What they missed, by sender, ascending.
    pub missed: Vec<(UserId, Vec<Stored>)>,
    /// The ranges that count as handed over once this is out.
    pub sent_ranges: Vec<SentRange>,
    /// Chat rooms with something not confirmed before, and up to which position
    /// this login takes it.
    pub positions: Vec<(ChatRoomId, Seq)>,
    /// Other chat rooms of which something may be announced late, since another server stored
    /// it just now, and up to which position this login contains it. A socket that logs in
    /// once more is still to hear of it.
    pub confirmed: Vec<(ChatRoomId, Seq)>,
}

impl Messenger {
    /// Finds the user that a client means, for its own login alone: the contact rule is
    /// not asked, so that another user's existence would be revealed.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn find_user(&self, input: &IdInput) -> Result<Arc<User>, Error> {
        let found = self.directory.find_anew(input).await?;
        found.ok_or(Error::UserNotFound)
    }

    /// Finds the user that a token names, if the client named the same one.
    ///
    /// Others are not looked up: whether they exist is not revealed.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the client named somebody else,
    /// [`Error::UserNotFound`] when the application has no such user, or failures.
    pub async fn find_verified(
        &self,
        proved: &IdInput,
        named: &IdInput,
    ) -> Result<Arc<User>, Error> {
        let may_be = self.directory.candidates(named);
        match self.directory.find_anew(proved).await? {
            Some(user) if may_be.contains(&user.id) => Ok(user),
            // by its collation the collection may take both for the same
            Some(user) if named.is_like(proved) => match self.directory.find(named).await? {
                Some(other) if other.id == user.id => Ok(user),
                _ => Err(Error::Forbidden),
            },
            None if named == proved => Err(Error::UserNotFound),
            Some(_) | None => Err(Error::Forbidden),
        }
    }

    /// Whether a token names this user.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn is_named(&self, user: &UserId, proved: &IdInput) -> Result<bool, Error> {
        let found = self.directory.find(proved).await?;
        Ok(found.is_some_and(|found| found.id == *user))
    }

    /// Makes a user a chat user on first sight.
    ///
    /// # Errors
    /// When the database cannot answer.
    #[tracing::instrument(name = "messenger.register", level = "debug", skip_all)]
    pub async fn register(&self, user: &User) -> Result<ChatUser, Error> {
        let document = self
            .store
            .chat_users
            .get_or_create(&user.id)
            .await
            .map_err(|error| Error::of_write(&error))?;
        self.chat_users.insert(user.id.clone(), document.id).await;
        Ok(document)
    }

    /// Gathers what a login contains, and marks the missed messages as sent, durably,
    /// before any of it is sent.
    ///
    /// The socket must be known to [`super::presence::PresenceRegistry`] before: what
    /// is stored while this reads reaches it live.
    ///
    /// # Errors
    /// When the database cannot answer.
    #[tracing::instrument(name = "messenger.login", level = "debug", skip_all)]
    pub async fn login(
        &self,
        me: &Me,
        user: Arc<User>,
        document: &ChatUser,
        people: People,
    ) -> Result<Login, Error> {
        let of_read = |error| Error::of_read(&error);
        let chat_rooms = &self.store.chat_rooms;
        let rooms = chat_rooms
            .list_of(me.id, MAX_ROOMS)
            .await
            .map_err(of_read)?;
        let others: Vec<ChatUserId> = if i64::try_from(rooms.len()).is_ok_and(|all| all < MAX_ROOMS)
        {
            rooms.iter().map(|room| room.other(me.id)).collect()
        } else {
            let pairs = chat_rooms.list_pairs_of(&[me.id]).await.map_err(of_read)?;
            pairs.iter().map(|pair| pair.other(me.id)).collect()
        };
        let all = others.len().max(rooms.len());
        self.presence.add_contacts(me.id, others);
        let (mut contacts, described) = self.describe_fitting(me, rooms).await?;
        self.mark_added_while_away(document, &mut contacts);
        let missed = self.missed(me, &user, &mut contacts, people).await?;
        let just_now = self.clock.ago(JUST_NOW);
        let (unconfirmed, confirmed): (Vec<&Contact>, Vec<&Contact>) = contacts
            .iter()
            .partition(|contact| contact.last_seq() > contact.cursors.delivered);
        let confirmed = confirmed.into_iter().filter(|contact| {
            let last = contact.last_message.as_ref();
            last.is_some_and(|last| last.message.created_at >= just_now)
        });
        let position = |contact: &Contact| (contact.room, contact.last_seq());
        let confirmed = confirmed.map(position).collect();
        let ranges = missed.sent_ranges.iter();
        let positions = unconfirmed.into_iter().map(position);
        let positions = positions.chain(ranges.map(|range| (range.room, range.last)));
        Ok(Login {
            id: me.id,
            positions: positions.collect(),
            confirmed,
            last_online: self.presence.shown(document).last_online,
            user,
            contacts,
            more_contacts: described < all,
            missed: missed.messages,
            sent_ranges: missed.sent_ranges,
        })
    }

    /// Adds the contacts that a login does not contain, for front ends that know of no
    /// further pages: up to 2,000 in all and 2 MiB, without their last messages.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add_other_contacts(&self, me: &Me, login: &mut Login) -> Result<(), Error> {
        if !login.more_contacts {
            return Ok(());
        }
        let of_read = |error| Error::of_read(&error);
        let chat_rooms = &self.store.chat_rooms;
        let mut pairs = chat_rooms.list_pairs_of(&[me.id]).await.map_err(of_read)?;
        let known = login.contacts.iter().map(|contact| contact.id);
        let known: HashSet<ChatUserId> = known.collect();
        pairs.retain(|pair| !known.contains(&pair.other(me.id)));
        let places = MAX_CONTACTS.saturating_sub(login.contacts.len());
        login.more_contacts = pairs.len() > places;
        pairs.truncate(places);
        let mut bytes = 0;
        for some in pairs.chunks(CONTACTS_AT_ONCE) {
            let rooms = chat_rooms.list_by_pairs(some).await.map_err(of_read)?;
            for contact in self.describe(me, rooms).await? {
                bytes += contact.user.size();
                if bytes > MAX_CONTACT_BYTES {
                    login.more_contacts = true;
                    return Ok(());
                }
                login.contacts.push(Contact {
                    last_message: None,
                    ..contact
                });
            }
        }
        Ok(())
    }

    /// Marks who added a person while none of their sockets heard of it.
    ///
    /// A client that fell silent counts as gone only later: within that time it
    /// may have heard of it or not, and is informed again.
    fn mark_added_while_away(&self, document: &ChatUser, contacts: &mut [Contact]) {
        let shown = self.presence.shown(document);
        if shown.status == PresenceStatus::Online {
            return;
        }
        let silence = i64::try_from(self.silence.as_millis()).unwrap_or(i64::MAX);
        let since = shown
            .last_online
            .map_or(i64::MIN, |left| left.timestamp_millis() - silence);
        for contact in contacts {
            let by_contact = contact.added_by == contact.user.id;
            contact.added_while_away = by_contact && contact.added_at.timestamp_millis() >= since;
        }
    }
}
