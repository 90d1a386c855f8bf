//! Removing what is stored of a user.
//!
//! In this order, so that whatever is cut off in between can be done again from the start:
//!
//! | step | after it |
//! |---|---|
//! | it is noted that it begins | whoever asks again finds what is left |
//! | messages, privacy, lists | most of it is gone, and people who are here saw it go |
//! | the chat user gets a name of its own | who comes back under the old one is somebody new |
//! | others are notified | no server takes the old name for that chat user any more |
//! | once more all of the above | what was under way in between is gone, too |
//! | it is noted that it has ended | the application hears `user.erased` |

use std::time::Duration;

use bson::DateTime;
use tokio::time::{Instant, sleep};

use super::{Error, IdInput, Messenger, ToTell};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::store::{ChatUser, Event, PresenceStatus};

/// Chat rooms read at once.
const ROOMS_AT_ONCE: i64 = 200;
/// Steps of a redaction after which they are announced.
const TOLD_AT_ONCE: usize = 50;
/// Lists of other people that are read at once.
const LISTS_AT_ONCE: i64 = 200;
/// How long it is waited, beside the time limit of a send, until a user is gone everywhere.
const GONE_WITHIN: Duration = Duration::from_secs(3);
/// How long after somebody went offline something of them may be under way.
const RECENTLY: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A chat user that is erased, and the user it was of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The chat user, which stays as the other side of its chat rooms.
    pub who: ChatUserId,
    /// The user, of whom it says nothing any more.
    pub user: UserId,
}

/// What was removed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureCounts {
    /// Chat rooms in which the user had a part.
    pub chat_rooms: u64,
    /// Messages that say nothing any more.
    pub messages: u64,
    /// Block lists and whitelists of others that do not name the user any more.
    pub lists: u64,
}

/// Where a pass through the chat rooms of a user is.
#[derive(Clone, Copy, Debug)]
pub struct ErasurePass {
    after: ChatRoomId,
    /// The chat room in which the last call stopped, and behind which message.
    within: Option<(ChatRoomId, Seq)>,
    /// Whether the chat rooms are counted: in the first pass.
    is_first: bool,
}

impl ErasurePass {
    /// The first pass, or the one after it.
    pub fn new(is_first: bool) -> Self {
        Self {
            after: ChatRoomId::from_bytes([0; 12]),
            within: None,
            is_first,
        }
    }
}

impl Messenger {
    /// Finds what there is to erase of a user, and notes that it begins; also of somebody
    /// who is erased, by the new name. There is nothing of somebody who never took part.
    ///
    /// # Errors
    /// [`Error::BadRequest`] for an id that fits two users, or failures.
    #[tracing::instrument(name = "messenger.begin_erasure", level = "debug", skip_all)]
    pub async fn begin_erasure(&self, who: &IdInput) -> Result<Vec<Erased>, Error> {
        let of_read = |error| Error::of_read(&error);
        let ids = self.named_to_erase(who).await?;
        let found = self.store.chat_users.list_by_user(ids.clone()).await;
        let mut all: Vec<Erased> = found
            .map_err(of_read)?
            .into_iter()
            .map(|found| Erased {
                who: found.id,
                user: found.user,
            })
            .collect();
        if all.len() > 1 {
            let detail = "this id fits two users; configure CHATZZ_USER_ID_TYPE";
            return Err(Error::BadRequest(detail.into()));
        }
        for erased in &all {
            let begun = self.store.begin_erasure(erased.who, &erased.user).await;
            begun.map_err(|error| Error::of_write(&error))?;
        }
        let begun = self.store.list_erasures(ids).await.map_err(of_read)?;
        for (who, user) in begun {
            let erased = Erased { who, user };
            if !all.contains(&erased) {
                all.push(erased);
            }
        }
        Ok(all)
    }

    /// The users that may be meant, whether or not they exist.
    async fn named_to_erase(&self, who: &IdInput) -> Result<Vec<UserId>, Error> {
        let mut ids = self.directory.candidates(who);
        // the collection may take it for another text
        if let Some(user) = self.directory.find_anew(who).await?
            && !ids.contains(&user.id)
        {
            ids.push(user.id.clone());
        }
        Ok(ids)
    }

    /// Removes from the lists of others whoever may be meant: lists may also name somebody
    /// who never took part.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_from_lists(
        &self,
        who: &IdInput,
        counts: &mut ErasureCounts,
    ) -> Result<(), Error> {
        for user in self.named_to_erase(who).await? {
            self.strike(ChatUserId::NOBODY, &user, counts).await?;
        }
        Ok(())
    }

    /// Removes what the user said in the next chat rooms; `false` after the last one.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_in_next_room(
        &self,
        erased: &Erased,
        pass: &mut ErasurePass,
        counts: &mut ErasureCounts,
        to_tell: &mut Vec<ToTell>,
    ) -> Result<bool, Error> {
        let who = erased.who;
        let rooms = &self.store.chat_rooms;
        let listed = rooms.list_of_from(who, (pass.after, false), ROOMS_AT_ONCE);
        let listed = listed.await.map_err(|error| Error::of_read(&error))?;
        let is_last = i64::try_from(listed.len()).is_ok_and(|count| count < ROOMS_AT_ONCE);
        for room in listed {
            // on from where the last call stopped in it
            let mut after = pass.within.take_if(|(id, _)| *id == room.id);
            let mut after: Seq = after.take().map_or(0, |(_, after)| after);
            loop {
                let mut changed = None;
                let step = self.redact_of(&room, Some(who), after, &mut changed).await;
                to_tell.extend(changed);
                let step = step?;
                counts.messages += step.count;
                after = step.up_to;
                if !step.has_more {
                    break;
                }
                if to_tell.len() >= TOLD_AT_ONCE {
                    pass.within = Some((room.id, after));
                    return Ok(true);
                }
            }
            let forgotten = self.store.messages.forget_client_ids(room.id, who).await;
            forgotten.map_err(|_| Error::UnknownOutcome)?;
            self.lanes.forget_newest(room.id);
            counts.chat_rooms += u64::from(pass.is_first);
            pass.after = room.id;
            if to_tell.len() >= TOLD_AT_ONCE {
                return Ok(true);
            }
        }
        Ok(!is_last)
    }

    /// Removes what the user set, and the user from the lists of others.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_lists(
        &self,
        erased: &Erased,
        counts: &mut ErasureCounts,
    ) -> Result<(), Error> {
        let Erased { who, user } = erased;
        let of_write = |error| Error::of_write(&error);
        let cleared = self.store.privacies.clear(*who).await;
        if let Some(cleared) = cleared.map_err(of_write)? {
            self.apply(cleared).await;
            self.events.happened(Event::PrivacySet { by: *who });
        }
        self.strike(*who, user, counts).await
    }

    /// Removes somebody from the lists of others.
    async fn strike(
        &self,
        who: ChatUserId,
        user: &UserId,
        counts: &mut ErasureCounts,
    ) -> Result<(), Error> {
        let privacies = &self.store.privacies;
        loop {
            let naming = privacies.list_naming(who, user, LISTS_AT_ONCE).await;
            let naming = naming.map_err(|error| Error::of_read(&error))?;
            if naming.is_empty() {
                return Ok(());
            }
            for owner in naming {
                let changed = privacies.strike(owner, who, user).await;
                let changed = changed.map_err(|error| Error::of_write(&error))?;
                self.apply(changed).await;
                self.events.happened(Event::PrivacySet { by: owner });
                counts.lists += 1;
            }
        }
    }

    /// Gives the chat user a name of its own; whether the user is online somewhere, or was
    /// a moment ago.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_name(&self, erased: &Erased) -> Result<bool, Error> {
        let before = self.store.chat_users.rename_erased(erased.who).await;
        let before = before.map_err(|error| Error::of_write(&error))?;
        self.tell_erased(erased, false).await;
        let since = self.clock.now().timestamp_millis()
            - i64::try_from(RECENTLY.as_millis()).unwrap_or(i64::MAX);
        Ok(before.is_some_and(|before| {
            let left = before.last_online.map(DateTime::timestamp_millis);
            before.status == PresenceStatus::Online || left.is_some_and(|left| left > since)
        }))
    }

    /// Waits until what the user had under way is stored or refused, and they are gone from
    /// every server.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they are not gone in time, and failures, after which it can
    /// be done again.
    pub async fn erase_settled(&self, erased: &Erased) -> Result<(), Error> {
        let started = Instant::now();
        let until = started + self.deadline + GONE_WITHIN;
        while Instant::now() < until {
            let found = self.store.chat_users.list(&[erased.who]).await;
            let is_gone = found.is_ok_and(|found| found.iter().all(|one| one.nodes.is_empty()));
            if is_gone && started.elapsed() >= self.deadline {
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
        Err(Error::Unavailable)
    }

    /// Removes when the user was last here, and tells everybody that all is done; `false`
    /// while they are online at a server.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a server made them a chat user again, and failures, after
    /// which it can be done again.
    pub async fn end_erasure(&self, erased: &Erased) -> Result<bool, Error> {
        let of_write = |error| Error::of_write(&error);
        // a server that still knew the user may have made them a chat user again: who asks
        // once more erases that, too
        let again = self
            .store
            .chat_users
            .list_by_user(vec![erased.user.clone()]);
        let again = again.await.map_err(|error| Error::of_read(&error))?;
        let was_never_here = |one: &ChatUser| one.nodes.is_empty() && one.last_online.is_none();
        if again
            .iter()
            .any(|one| one.id != erased.who && was_never_here(one))
        {
            return Err(Error::Unavailable);
        }
        let forgotten = self.store.chat_users.forget_presence(erased.who).await;
        if !forgotten.map_err(of_write)? {
            let found = self.store.chat_users.list(&[erased.who]).await;
            if !found.map_err(|error| Error::of_read(&error))?.is_empty() {
                return Ok(false);
            }
        }
        self.tell_erased(erased, true).await;
        Ok(true)
    }

    /// Notes that nothing is left to do, once everybody can learn of it.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn forget_erasure(&self, erased: &Erased) -> Result<(), Error> {
        let ended = self.store.end_erasure(erased.who).await;
        ended.map_err(|error| Error::of_write(&error))
    }

    async fn tell_erased(&self, erased: &Erased, is_done: bool) {
        let Erased { who, user } = erased.clone();
        self.forget_erased(who, &user).await;
        self.events.happened(Event::Erased { who, user, is_done });
    }

    /// Lists those of these chat users who are erased.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_erased(&self, ids: &[ChatUserId]) -> Result<Vec<ChatUserId>, Error> {
        let found = self.store.chat_users.list(ids).await;
        let found = found.map_err(|error| Error::of_read(&error))?.into_iter();
        let erased = found.filter(|one| one.user.is_erased());
        Ok(erased.map(|one| one.id).collect())
    }

    /// Forgets whose chat users are whose: others may have been erased, unheard.
    pub fn forget_people(&self) {
        self.chat_users.invalidate_all();
        self.users.invalidate_all();
    }

    /// Forgets whose a chat user was.
    pub(super) async fn forget_erased(&self, who: ChatUserId, user: &UserId) {
        self.chat_users.invalidate(user).await;
        self.users.invalidate(&who).await;
        self.directory.forget(user).await;
    }
}
