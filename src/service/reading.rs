//! What the application reads. It sees everything, and reading marks nothing.

use std::sync::Arc;

use super::history::fitting;
use super::{
    ActivePage, ActiveQuery, BlockedPage, Conversation, Error, IdInput, LastMessage, Me, Messenger,
    People, PrivacySettings,
};
use crate::domain::Cursors;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq, UserId};
use crate::rooms::{Member, Stored};
use crate::service::presence::Shown;
use crate::store::messages::Page;
use crate::store::{ChatRoom, Privacy, Sizes, User};

/// Which messages of a chat room the application asks for.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery {
    /// Messages after this position, ascending from there.
    pub after: Option<Seq>,
    /// Messages before this position.
    pub before: Option<Seq>,
    /// How many; clamped to what is configured.
    pub limit: Option<i64>,
}

/// Messages of a chat room, ascending.
#[derive(Clone, Debug)]
pub struct MessagePage {
    /// The messages, also those that are withheld from one of the two.
    pub messages: Vec<Stored>,
    /// Whether there are more in the direction asked.
    pub has_more: bool,
}

/// A chat room, as the application sees it.
#[derive(Clone, Debug)]
pub struct RoomSeen {
    /// The chat room.
    pub document: ChatRoom,
    /// Its two people, and how far each got.
    pub members: [(UserId, Cursors, i64); 2],
    /// Who created it.
    pub added_by: UserId,
    /// Its last message.
    pub last_message: Option<LastMessage>,
}

/// A user, as the application sees them.
#[derive(Clone, Debug)]
pub struct UserSeen {
    /// The user, with the fields that are shown to clients.
    pub user: Arc<User>,
    /// Their presence; `None` if they never took part.
    pub shown: Option<Shown>,
}

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// What is stored, and who is online.
    pub sizes: Sizes,
    /// Servers that run.
    pub servers: usize,
    /// Entries of the log of events that this server has yet to read.
    pub log_behind: i64,
}

impl Messenger {
    /// How much there is, about.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn stats(&self) -> Result<Stats, Error> {
        let known = *self.events.watch().borrow();
        let read = futures::try_join!(
            self.store.sizes(),
            self.store.nodes.list_renewed(),
            self.store.events.find_last(),
        );
        let (sizes, servers, last) = read.map_err(|error| Error::of_read(&error))?;
        Ok(Stats {
            sizes,
            servers: servers.len(),
            log_behind: last.map_or(0, |last| (last.id - known).max(0)),
        })
    }

    /// Gets a message.
    ///
    /// # Errors
    /// [`Error::MessageNotFound`], or failures.
    #[tracing::instrument(name = "messenger.message", level = "debug", skip_all)]
    pub async fn message(&self, id: MessageId) -> Result<Stored, Error> {
        let found = self.store.messages.find(id).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let message = found.ok_or(Error::MessageNotFound)?;
        let (_, conversation) = self.conversation_in(message.chat_room).await?;
        let receipts = self
            .store
            .chat_rooms
            .find_receipts(conversation.members)
            .await
            .map_err(|error| Error::of_read(&error))?;
        Ok(self.as_got(&conversation, &receipts, message))
    }

    /// Gets messages of a chat room.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    #[tracing::instrument(name = "messenger.messages", level = "debug", skip_all)]
    pub async fn messages(&self, id: ChatRoomId, query: PageQuery) -> Result<MessagePage, Error> {
        let (_, conversation) = self.conversation_in(id).await?;
        let most = i64::from(self.paging.history_max);
        let default = i64::from(self.paging.history_default);
        let limit = query.limit.unwrap_or(default).clamp(1, most);
        let ascending = query.after.is_some();
        let page = Page {
            after: query.after.unwrap_or(0),
            before: query.before.unwrap_or(Seq::MAX),
            ascending,
            limit: limit + 1,
            viewer: None,
        };
        let people = People::Ids.bytes([&conversation.me.user, &conversation.other.user]);
        let read = self.page_and_receipts(&conversation, page, people).await;
        let (mut messages, receipts) = read?;
        let fits = fitting(&messages, limit, people);
        let has_more = messages.len() > fits;
        messages.truncate(fits);
        if !ascending {
            messages.reverse();
        }
        let messages = messages.into_iter();
        let messages = messages.map(|message| self.as_got(&conversation, &receipts, message));
        Ok(MessagePage {
            messages: messages.collect(),
            has_more,
        })
    }

    /// Gets a chat room.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    #[tracing::instrument(name = "messenger.chat_room", level = "debug", skip_all)]
    pub async fn chat_room(&self, id: ChatRoomId) -> Result<RoomSeen, Error> {
        let (document, conversation) = self.conversation_in(id).await?;
        let last = self.store.messages.list_last(&[id]).await;
        let last = last.map_err(|error| Error::of_read(&error))?.pop();
        let Conversation { me, other, .. } = &conversation;
        let seen = |member: &Member| {
            let mut cursors = self
                .lanes
                .furthest(id, member.id, document.cursors(member.id));
            let behind = self.write_behind.known_delivered(id, member.id);
            cursors.delivered = cursors.delivered.max(behind);
            let unread = last.as_ref().and_then(|last| {
                let sender = document.other(member.id);
                let sent = last.counts.of(document.members.position(sender)?);
                Some((*sent - cursors.read.count).max(0))
            });
            (member.user.id.clone(), cursors, unread.unwrap_or_default())
        };
        let members = [seen(me), seen(other)];
        let name = |who| {
            let member = if who == me.id { me } else { other };
            member.user.id.clone()
        };
        let added_by = name(document.added_by);
        let last_message = last.map(|message| LastMessage {
            from: name(message.from),
            to: name(document.other(message.from)),
            delivery: message.delivery(
                &self
                    .lanes
                    .furthest(id, message.to, document.cursors(message.to)),
                &[],
            ),
            message,
        });
        Ok(RoomSeen {
            document,
            members,
            added_by,
            last_message,
        })
    }

    /// Finds the chat room of two users.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::NoChatRoom`], or failures.
    pub async fn chat_room_of(&self, one: &IdInput, other: &IdInput) -> Result<ChatRoomId, Error> {
        let user = self.user_or_deleted(one).await?;
        let other = self.user_or_deleted(other).await?;
        let id = self.chat_user(&user.id).await?.ok_or(Error::NoChatRoom)?;
        let me = Me {
            id,
            user: user.id.clone(),
        };
        Ok(self.conversation(&me, other).await?.room)
    }

    /// Gets a user.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    #[tracing::instrument(name = "messenger.seen_user", level = "debug", skip_all)]
    pub async fn seen_user(&self, who: &IdInput) -> Result<UserSeen, Error> {
        let user = self.user_or_deleted(who).await?;
        let found = self.store.chat_users.find_by_user(&user.id).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let shown = found.map(|found| self.presence.shown(&found));
        Ok(UserSeen { user, shown })
    }

    /// Gets who may write to a user.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn privacy_of(&self, who: &IdInput) -> Result<PrivacySettings, Error> {
        let user = self.user_or_deleted(who).await?;
        let Some(id) = self.chat_user(&user.id).await? else {
            return Ok(PrivacySettings::from(&Privacy::none(ChatUserId::NOBODY)));
        };
        let me = Me {
            id,
            user: user.id.clone(),
        };
        Ok(self.set_privacy(&me, None, None).await?.0)
    }

    /// Lists whom a user blocked, the first blocked first.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], also when `after` is not blocked, or failures.
    pub async fn blocked_by(
        &self,
        who: &IdInput,
        after: Option<&IdInput>,
    ) -> Result<BlockedPage, Error> {
        let user = self.user_or_deleted(who).await?;
        let Some(id) = self.chat_user(&user.id).await? else {
            return Ok(BlockedPage::default());
        };
        let me = Me {
            id,
            user: user.id.clone(),
        };
        self.blocked(&me, after).await
    }

    /// Lists the contacts of a user, as they are shown them.
    ///
    /// # Errors
    /// Those of [`Messenger::active`].
    pub async fn contacts_of(
        &self,
        who: &IdInput,
        query: &ActiveQuery,
    ) -> Result<ActivePage, Error> {
        let user = self.user_or_deleted(who).await?;
        let Some(id) = self.chat_user(&user.id).await? else {
            return Ok(ActivePage {
                contacts: Vec::new(),
                has_more: false,
            });
        };
        let me = Me {
            id,
            user: user.id.clone(),
        };
        self.active(&me, query).await
    }

    /// A chat room and its people.
    pub(super) async fn conversation_in(
        &self,
        id: ChatRoomId,
    ) -> Result<(ChatRoom, Conversation), Error> {
        let found = self.store.chat_rooms.list(&[id]).await;
        let found = found.map_err(|error| Error::of_read(&error))?.pop();
        let document = found.ok_or(Error::NoChatRoom)?;
        let [one, other] = document.members.ids();
        let mut people = self.contact_users(&[one, other]).await?;
        let mut member = |id| {
            let found = people.remove(&id).map(|(_, user)| user);
            // without a chat user the rest can be read all the same
            let gone = || Arc::new(User::deleted(UserId::erased(id)));
            let user = found.unwrap_or_else(gone);
            Member { id, user }
        };
        let (me, other) = (member(one), member(other));
        let conversation = Conversation {
            room: id,
            members: document.members,
            me,
            other,
        };
        Ok((document, conversation))
    }
}
