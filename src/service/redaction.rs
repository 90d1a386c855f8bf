//! Removing what messages say, and what has changed since somebody was here.
//!
//! A message keeps its position, its people and its receipts. Its change has the chat
//! room's next `rev`, and `rev` of the chat room is raised first: who was away learns at a
//! login that there may be something to fetch, even if the server goes down in between.

use super::history::fitting;
use super::{Conversation, Error, IdInput, Me, Messenger, People};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::rooms::Stored;
use crate::store::messages::Redactable;
use crate::store::{ChatRoom, Event};

/// Messages that are redacted at once.
const AT_ONCE: i64 = 500;
/// Changes that are announced one by one; of more, only the last one is, and clients ask for
/// the others.
const ANNOUNCED: i64 = 16;
/// How often another server may be first with a `rev`.
const ATTEMPTS: u32 = 20;

/// The messages of a chat room that changed after a `rev`.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// As they are now, by `rev`.
    pub messages: Vec<Stored>,
    /// Whether there are more.
    pub has_more: bool,
    /// Up to which `rev` this is everything.
    pub rev: i64,
}

/// What one step of a redaction did.
#[derive(Clone, Copy, Debug)]
pub struct Redacted {
    /// How many messages.
    pub count: u64,
    /// The position up to which all is redacted that was to be.
    pub up_to: Seq,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Changes of a chat room that may have been written: they are to be announced, whatever
/// became of the rest.
#[derive(Clone, Copy, Debug)]
pub struct ToTell {
    room: ChatRoomId,
    members: [ChatUserId; 2],
    /// The first and the last `rev`.
    revs: (i64, i64),
    /// Those of them of which it is not known what was written.
    in_doubt: Option<(i64, i64)>,
}

impl ToTell {
    /// The chat room.
    pub fn room(&self) -> ChatRoomId {
        self.room
    }
}

impl Messenger {
    /// Removes what a message says; a repeat changes nothing.
    ///
    /// # Errors
    /// [`Error::MessageNotFound`], or failures.
    #[tracing::instrument(name = "messenger.redact", level = "debug", skip_all)]
    pub async fn redact(&self, id: MessageId, to_tell: &mut Option<ToTell>) -> Result<(), Error> {
        let found = self.store.messages.find(id).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let message = found.ok_or(Error::MessageNotFound)?;
        let room = message.chat_room;
        let (document, _) = self.conversation_in(room).await?;
        let wanted = [Redactable {
            id,
            seq: message.seq,
        }];
        self.redact_all(room, document.members.ids(), &wanted, to_tell)
            .await
            .map(drop)
    }

    /// Removes what the next messages of a chat room say, up to 500 of them: those after a
    /// position, and if a sender is named, only theirs.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], [`Error::UserNotFound`] for a sender who is none of its two
    /// people, or failures.
    #[tracing::instrument(name = "messenger.redact_next", level = "debug", skip_all)]
    pub async fn redact_next(
        &self,
        room: ChatRoomId,
        from: Option<&IdInput>,
        after: Seq,
        to_tell: &mut Option<ToTell>,
    ) -> Result<Redacted, Error> {
        let (document, _) = self.conversation_in(room).await?;
        let from = match from {
            Some(from) => {
                let user = self.user_or_deleted(from).await?;
                let from = self.chat_user(&user.id).await?;
                let is_member = |who: &ChatUserId| document.members.position(*who).is_some();
                Some(from.filter(is_member).ok_or(Error::UserNotFound)?)
            }
            None => None,
        };
        self.redact_of(&document, from, after, to_tell).await
    }

    /// The same for a chat room that was read.
    pub(super) async fn redact_of(
        &self,
        room: &ChatRoom,
        from: Option<ChatUserId>,
        after: Seq,
        to_tell: &mut Option<ToTell>,
    ) -> Result<Redacted, Error> {
        let messages = &self.store.messages;
        let listed = messages
            .list_redactable(room.id, from, after, AT_ONCE)
            .await;
        let listed = listed.map_err(|error| Error::of_read(&error))?;
        let members = room.members.ids();
        let count = self.redact_all(room.id, members, &listed, to_tell).await?;
        Ok(Redacted {
            count,
            up_to: listed.last().map_or(after, |last| last.seq),
            has_more: i64::try_from(listed.len()).is_ok_and(|count| count == AT_ONCE),
        })
    }

    async fn redact_all(
        &self,
        room: ChatRoomId,
        members: [ChatUserId; 2],
        wanted: &[Redactable],
        to_tell: &mut Option<ToTell>,
    ) -> Result<u64, Error> {
        let messages = &self.store.messages;
        // on this server one after the other, so that they do not take each other's `rev`
        let [.., stripe] = room.bytes();
        let stripe = usize::from(stripe) % self.changing.len().max(1);
        let turn = self.changing.get(stripe).ok_or(Error::Internal)?;
        let _turn = turn.lock().await;
        let mut count = 0;
        for _ in 0..ATTEMPTS {
            // nothing may have been changed before the first write, and something after it
            let failed = |error| match count {
                0 => Error::of_read(&error),
                _ => Error::UnknownOutcome,
            };
            // first: whoever redacts some of them after this used a `rev` above it, so that
            // none of the next ones is passed over
            let rev = messages.find_last_rev(room).await.map_err(failed)?;
            let left = messages.list_unredacted(room, wanted).await;
            let left = left.map_err(failed)?;
            if left.is_empty() {
                return Ok(count);
            }
            let last = rev + i64::try_from(left.len()).unwrap_or(i64::MAX);
            let raised = self.store.chat_rooms.raise_rev(room, last).await;
            raised.map_err(failed)?;
            let changed = messages.redact(room, rev, &left).await;
            self.lanes.forget_newest(room);
            // another server was first
            if matches!(changed, Ok(0)) {
                continue;
            }
            // whatever is known of the outcome
            let revs = (rev + 1, last);
            let new = ToTell {
                room,
                members,
                revs,
                in_doubt: None,
            };
            let so_far = to_tell.get_or_insert(new);
            so_far.revs.1 = last;
            match changed {
                Ok(changed) if changed == left.len() => self.note_changed(so_far, revs),
                _ => so_far.in_doubt = Some((so_far.in_doubt.unwrap_or(revs).0, last)),
            }
            let changed = changed.map_err(|_| Error::UnknownOutcome)?;
            count += u64::try_from(changed).unwrap_or(u64::MAX);
            if changed == left.len() {
                return Ok(count);
            }
        }
        Err(match count {
            0 => Error::Unavailable,
            _ => Error::UnknownOutcome,
        })
    }

    /// Has the other servers and the application hear of changes.
    fn note_changed(&self, changes: &ToTell, (first, last): (i64, i64)) {
        let ToTell { room, members, .. } = *changes;
        self.events.happened(Event::Changed {
            room,
            members,
            first,
            last,
        });
    }

    /// Finds out what was written where the database did not say so, and has others hear of
    /// that alone: a `rev` that was not written is given to another message later.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn settle_changes(&self, changes: &mut ToTell) -> Result<(), Error> {
        let Some((first, last)) = changes.in_doubt else {
            return Ok(());
        };
        // once a majority has this, it has what was written before it, too
        match self.store.chat_rooms.raise_rev(changes.room, last).await {
            Ok(()) | Err(crate::store::Error::NoChatRoom) => {}
            Err(error) => return Err(Error::of_write(&error)),
        }
        let messages = &self.store.messages;
        let range = (first - 1, last);
        let written = messages.list_changed(changes.room, range, last - first + 1, None);
        let written = written.await.map_err(|error| Error::of_read(&error))?;
        let rev = |message: Option<&Message>| message.and_then(|message| message.rev);
        if let Some(revs) = rev(written.first()).zip(rev(written.last())) {
            self.note_changed(changes, revs);
        }
        changes.in_doubt = None;
        Ok(())
    }

    /// Gives up finding out: others hear of all that may have been written, or they would go
    /// on showing what was removed.
    pub fn doubt_changes(&self, changes: &ToTell) {
        if let Some(revs) = changes.in_doubt {
            self.note_changed(changes, revs);
        }
    }

    /// What is announced of a range of changes: the messages as they are now, if they are
    /// few; else the last one, whose `rev` tells clients that there is more to ask for.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    pub async fn changed(&self, changes: &ToTell) -> Result<Vec<Stored>, Error> {
        self.changed_within(changes.room, changes.revs).await
    }

    pub(super) async fn changed_within(
        &self,
        room: ChatRoomId,
        (first, last): (i64, i64),
    ) -> Result<Vec<Stored>, Error> {
        let (_, conversation) = self.conversation_in(room).await?;
        let first = if last - first < ANNOUNCED {
            first
        } else {
            last
        };
        let range = (first - 1, last);
        self.changed_in(&conversation, range, ANNOUNCED, None).await
    }

    /// Forgets what this server remembers of messages that were changed.
    pub(super) fn forget_changed(&self, room: ChatRoomId) {
        self.lanes.forget_newest(room);
    }

    /// Lists what changed in a conversation after a `rev`.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::NoChatRoom`], or failures.
    #[tracing::instrument(name = "messenger.changes", level = "debug", skip_all)]
    pub async fn changes(
        &self,
        me: &Me,
        with: &IdInput,
        (after, limit): (i64, Option<i64>),
        people: People,
    ) -> Result<ChangePage, Error> {
        let conversation = self.conversation_with(me, with);
        let conversation = self.in_constant_time(conversation).await?;
        let default = i64::from(self.paging.history_default);
        let most = i64::from(self.paging.history_max);
        let limit = limit.unwrap_or(default).clamp(1, most);
        // first: what is changed meanwhile is left to the next time
        let last = self.store.messages.find_last_rev(conversation.room).await;
        let last = last.map_err(|error| Error::of_read(&error))?;
        let range = (after, last);
        let listed = self.changed_in(&conversation, range, limit + 1, Some(me.id));
        let mut messages = listed.await?;
        let bytes = people.bytes([&conversation.me.user, &conversation.other.user]);
        let contents = messages.iter().map(|stored| &stored.message);
        let fits = fitting(contents, limit, bytes);
        let has_more = messages.len() > fits;
        messages.truncate(fits);
        let newest = messages.last().and_then(|stored| stored.message.rev);
        let rev = if has_more { newest } else { None };
        Ok(ChangePage {
            messages,
            has_more,
            rev: rev.unwrap_or(last.max(after)),
        })
    }

    async fn changed_in(
        &self,
        conversation: &Conversation,
        range: (i64, i64),
        limit: i64,
        viewer: Option<ChatUserId>,
    ) -> Result<Vec<Stored>, Error> {
        let of_read = |error| Error::of_read(&error);
        let room = conversation.room;
        let messages = self.store.messages.list_changed(room, range, limit, viewer);
        let receipts = self.store.chat_rooms.find_receipts(conversation.members);
        let (messages, receipts) = futures::try_join!(messages, receipts).map_err(of_read)?;
        let messages = messages.into_iter();
        let messages = messages.map(|message| self.as_got(conversation, &receipts, message));
        Ok(messages.collect())
    }
}
