//! Reading. Nothing is marked by it.

use super::{Operator, Refused};
use crate::id::{ChatRoomId, MessageId};
use crate::rooms::Stored;
use crate::service::presence::Shown;
use crate::service::{
    ActivePage, ActiveQuery, BlockedPage, Error, IdInput, MessagePage, PageQuery, PrivacySettings,
    RoomSeen, Stats, UnreadTotal, UserSeen,
};

impl Operator {
    /// Gets a message.
    ///
    /// # Errors
    /// [`Error::MessageNotFound`], or failures.
    pub async fn message(&self, id: MessageId) -> Result<Stored, Error> {
        self.context.messenger.message(id).await
    }

    /// Gets messages of a chat room.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    pub async fn messages(&self, room: ChatRoomId, query: PageQuery) -> Result<MessagePage, Error> {
        self.context.messenger.messages(room, query).await
    }

    /// Gets a chat room.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    pub async fn chat_room(&self, id: ChatRoomId) -> Result<RoomSeen, Error> {
        self.context.messenger.chat_room(id).await
    }

    /// Gets the chat room of two users.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::NoChatRoom`], or failures.
    pub async fn chat_room_of(&self, one: &IdInput, other: &IdInput) -> Result<RoomSeen, Error> {
        let id = self.context.messenger.chat_room_of(one, other).await?;
        self.chat_room(id).await
    }

    /// Gets a user and their presence.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn user(&self, who: &IdInput) -> Result<UserSeen, Error> {
        self.context.messenger.seen_user(who).await
    }

    /// How users are shown who take part in the messenger, in the order given.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn presence(&self, users: &[IdInput]) -> Result<Vec<Option<Shown>>, Error> {
        self.context.messenger.presence_of(users).await
    }

    /// How many unread messages users have, in the order given.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn unread(&self, users: &[IdInput]) -> Result<Vec<UnreadTotal>, Error> {
        self.context.messenger.unread_of(users).await
    }

    /// Lists the contacts of a user with their chat rooms, a page at a time.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn contacts(
        &self,
        who: &IdInput,
        query: &ActiveQuery,
    ) -> Result<ActivePage, Refused> {
        Ok(self.context.messenger.contacts_of(who, query).await?)
    }

    /// Gets who may write to a user.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn privacy(&self, who: &IdInput) -> Result<PrivacySettings, Error> {
        self.context.messenger.privacy_of(who).await
    }

    /// Lists whom a user blocked, the first blocked first.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], also when `after` is not blocked, or failures.
    pub async fn blocked(
        &self,
        who: &IdInput,
        after: Option<&IdInput>,
    ) -> Result<BlockedPage, Error> {
        self.context.messenger.blocked_by(who, after).await
    }

    /// How much there is, about.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.context.messenger.stats().await
    }
}
