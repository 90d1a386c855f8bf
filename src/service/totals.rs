//! What the application asks about many users at once.

use std::collections::HashMap;

use super::presence::Shown;
use super::{Error, IdInput, Messenger};
use crate::id::{ChatUserId, UserId};
use crate::store::ChatUser;

/// Unread messages of one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadTotal {
    /// In all chat rooms.
    pub messages: i64,
    /// Chat rooms with some.
    pub chat_rooms: i64,
}

impl Messenger {
    /// How users are shown, in the order given; `None` for who never took part.
    ///
    /// # Errors
    /// When the database cannot answer.
    #[tracing::instrument(name = "messenger.presence_of", level = "debug", skip_all)]
    pub async fn presence_of(&self, users: &[IdInput]) -> Result<Vec<Option<Shown>>, Error> {
        let found = self.chat_users_of(users).await?;
        let shown = found.into_iter();
        Ok(shown
            .map(|one| one.map(|one| self.presence.shown(&one)))
            .collect())
    }

    /// How many unread messages users have, in the order given. Messages of the last half
    /// second may be missing: they are counted from the heads of the chat rooms, which are
    /// written behind.
    ///
    /// # Errors
    /// When the database cannot answer.
    #[tracing::instrument(name = "messenger.unread_of", level = "debug", skip_all)]
    pub async fn unread_of(&self, users: &[IdInput]) -> Result<Vec<UnreadTotal>, Error> {
        let found = self.chat_users_of(users).await?;
        let ids = found.iter().flatten().map(|one| one.id);
        let mut ids: Vec<ChatUserId> = ids.collect();
        // else somebody who is named twice is counted twice
        ids.sort_unstable();
        ids.dedup();
        let unread = self.store.chat_rooms.list_unread(&ids).await;
        let unread = unread.map_err(|error| Error::of_read(&error))?;
        let total = |one: &Option<ChatUser>| {
            let total = one.as_ref().and_then(|one| unread.get(&one.id));
            total.map_or_else(UnreadTotal::default, |(messages, chat_rooms)| UnreadTotal {
                messages: *messages,
                chat_rooms: *chat_rooms,
            })
        };
        Ok(found.iter().map(total).collect())
    }

    /// Finds the chat user of a user; `None` if they never took part.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn taking_part(&self, who: &IdInput) -> Result<Option<ChatUserId>, Error> {
        let user = self.user_or_deleted(who).await?;
        self.chat_user(&user.id).await
    }

    /// The chat users of users, in the order given; one query for a thousand.
    async fn chat_users_of(&self, users: &[IdInput]) -> Result<Vec<Option<ChatUser>>, Error> {
        let candidates: Vec<Vec<UserId>> = users
            .iter()
            .map(|input| self.directory.candidates(input))
            .collect();
        let all = candidates.concat();
        let found = self.store.chat_users.list_by_user(all).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let found: HashMap<UserId, ChatUser> = found
            .into_iter()
            .map(|one| (one.user.clone(), one))
            .collect();
        let one_of = |ids: Vec<UserId>| ids.iter().find_map(|id| found.get(id).cloned());
        Ok(candidates.into_iter().map(one_of).collect())
    }
}
