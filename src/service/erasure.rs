//! Removing what is stored of a user.
//!
//! In this order, so that whatever is cut off in between can be done again from the start:
//!
//! | step | after it |
//! |---|---|
//! | it is noted that it begins | whoever asks again finds what is left |
//! | messages, privacy, lists | most of it is gone, and people who are here saw it go |
//! | the chat user gets a name of its own | who comes back under the old one is somebody new |
//! | the others are told | no server takes the old name for that chat user any more |
//! | once more all of the above | what was under way in between is gone, too |
//! | it is noted that it has ended | the application hears `user.erased` |

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Error, IdInput, Messenger, ToTell};
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId};
use crate::store::{Event, PresenceStatus};

/// Chat rooms read at once.
const ROOMS_AT_ONCE: i64 = 200;
/// Steps of a redaction after which they are announced.
const TOLD_AT_ONCE: usize = 50;
/// Lists of other people that are read at once.
const LISTS_AT_ONCE: i64 = 200;
/// How long it is waited, beside the time limit of a send, until a user is gone everywhere.
const GONE_WITHIN: Duration = Duration::from_secs(3);
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
    /// Whether the chat rooms are counted: in the first pass.
    is_first: bool,
}

impl ErasurePass {
    /// The first pass, or the one after it.
    pub fn new(is_first: bool) -> Self {
        Self {
            after: ChatRoomId::from_bytes([0; 12]),
            is_first,
        }
    }
}

impl Messenger {
    /// Finds what there is to erase of a user, and notes that it begins. Of somebody who
    /// never took part, or is erased, there is nothing.
    ///
    /// # Errors
    /// [`Error::BadRequest`] for an id that fits two users, or failures.
    #[tracing::instrument(name = "messenger.begin_erasure", level = "debug", skip_all)]
    pub async fn begin_erasure(&self, who: &IdInput) -> Result<Vec<Erased>, Error> {
        let of_read = |error| Error::of_read(&error);
        let mut ids = self.directory.candidates(who);
        // the collection may take it for another text
        if let Some(user) = self.directory.find_anew(who).await?
            && !ids.contains(&user.id)
        {
            ids.push(user.id.clone());
        }
        let found = self.store.chat_users.list_by_user(ids.clone()).await;
        let mut all: Vec<Erased> = found
            .map_err(of_read)?
            .into_iter()
            .filter(|found| !found.user.is_erased())
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
            let mut after: Seq = 0;
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
        let privacies = &self.store.privacies;
        if let Some(cleared) = privacies.clear(*who).await.map_err(of_write)? {
            self.apply(cleared).await;
            self.events.happened(Event::PrivacySet { by: *who });
        }
        loop {
            let naming = privacies.list_naming(*who, user, LISTS_AT_ONCE).await;
            let naming = naming.map_err(|error| Error::of_read(&error))?;
            if naming.is_empty() {
                return Ok(());
            }
            for owner in naming {
                let changed = privacies.strike(owner, *who, user).await;
                self.apply(changed.map_err(of_write)?).await;
                self.events.happened(Event::PrivacySet { by: owner });
                counts.lists += 1;
            }
        }
    }

    /// Gives the chat user a name of its own; whether the user may still be online
    /// somewhere.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_name(&self, erased: &Erased) -> Result<bool, Error> {
        let before = self.store.chat_users.rename_erased(erased.who).await;
        let before = before.map_err(|error| Error::of_write(&error))?;
        self.tell_erased(erased, false).await;
        let is_here = |status| status == PresenceStatus::Online;
        Ok(before.is_some_and(|before| is_here(before.status)))
    }

    /// Waits until what the user had under way is stored or refused, and they are gone from
    /// every server, or for a while.
    pub async fn erase_settled(&self, erased: &Erased) {
        let started = Instant::now();
        let until = started + self.deadline + GONE_WITHIN;
        while Instant::now() < until {
            let found = self.store.chat_users.list(&[erased.who]).await;
            let is_gone = found.is_ok_and(|found| found.iter().all(|one| one.nodes.is_empty()));
            if is_gone && started.elapsed() >= self.deadline {
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Removes when the user was last here, and tells everybody that all is done.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn end_erasure(&self, erased: &Erased) -> Result<(), Error> {
        let of_write = |error| Error::of_write(&error);
        let forgotten = self.store.chat_users.forget_presence(erased.who).await;
        forgotten.map_err(of_write)?;
        self.tell_erased(erased, true).await;
        Ok(())
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

    /// Forgets whose a chat user was.
    pub(super) async fn forget_erased(&self, who: ChatUserId, user: &UserId) {
        self.chat_users.invalidate(user).await;
        self.users.invalidate(&who).await;
    }
}
