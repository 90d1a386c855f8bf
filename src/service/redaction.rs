//! Removing what messages say, and what has changed since somebody was here.
//!
//! A message keeps its position, its people and its receipts. Its change has the chat
//! room's next `rev`, and `rev` of the chat room is raised first: who was away learns at a
//! login that there may be something to fetch, even if the server goes down in between.

use sha2::{Digest as _, Sha256};

use super::history::fitting;
use super::{Conversation, Error, IdInput, Me, Messenger, People};
use crate::domain::SERVER_KEY_MARK;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::rooms::Stored;
use crate::store::messages::Redaction;

/// Messages that are redacted at once.
const AT_ONCE: i64 = 500;
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

/// What was changed by one step of a redaction.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// How many messages.
    pub count: u64,
    /// The first and the last `rev`; `None` if there is nothing new.
    pub revs: Option<(i64, i64)>,
    /// The position up to which all is redacted that was to be.
    pub up_to: Seq,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Which messages of a chat room are to be redacted.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedactionQuery {
    /// Only those of this sender.
    pub from: Option<ChatUserId>,
    /// Only those after this position.
    pub after: Seq,
    /// Whether the sender's keys go, too: in their place stands a digest, since each has to
    /// stay the only one.
    pub forget_keys: bool,
}

impl Messenger {
    /// Removes what a message says; a repeat changes nothing. Returns its chat room, and the
    /// `rev` of the change, if there was something to remove.
    ///
    /// # Errors
    /// [`Error::MessageNotFound`], or failures.
    #[tracing::instrument(name = "messenger.redact", level = "debug", skip_all)]
    pub async fn redact(&self, id: MessageId) -> Result<(ChatRoomId, Redacted), Error> {
        let found = self.store.messages.find(id).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let message = found.ok_or(Error::MessageNotFound)?;
        let (room, seq) = (message.chat_room, message.seq);
        let redaction = (!message.redacted).then_some(Redaction {
            id,
            seq,
            client_id: None,
        });
        let redactions = redaction.into_iter().collect();
        Ok((room, self.redact_all(room, redactions, seq).await?))
    }

    /// Removes what the next messages of a chat room say, up to 500 of them.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    #[tracing::instrument(name = "messenger.redact_next", level = "debug", skip_all)]
    pub async fn redact_next(
        &self,
        room: ChatRoomId,
        query: RedactionQuery,
    ) -> Result<Redacted, Error> {
        let RedactionQuery {
            from,
            after,
            forget_keys,
        } = query;
        let listed = self
            .store
            .messages
            .list_redactable(room, from, after, AT_ONCE);
        let listed = listed.await.map_err(|error| Error::of_read(&error))?;
        let has_more = i64::try_from(listed.len()).is_ok_and(|count| count == AT_ONCE);
        let redactions = listed.into_iter().map(|(redaction, key)| Redaction {
            client_id: key.filter(|_| forget_keys).map(|key| digest(&key)),
            ..redaction
        });
        let redactions: Vec<Redaction> = redactions.collect();
        let up_to = redactions.last().map_or(after, |last| last.seq);
        let redacted = self.redact_all(room, redactions, up_to).await?;
        Ok(Redacted {
            has_more,
            ..redacted
        })
    }

    async fn redact_all(
        &self,
        room: ChatRoomId,
        mut redactions: Vec<Redaction>,
        up_to: Seq,
    ) -> Result<Redacted, Error> {
        let of_write = |error| Error::of_write(&error);
        let messages = &self.store.messages;
        // on this server one after the other, so that they do not take each other's `rev`
        let [.., stripe] = room.bytes();
        let stripe = usize::from(stripe) % self.changing.len().max(1);
        let turn = self.changing.get(stripe).ok_or(Error::Internal)?;
        let _turn = turn.lock().await;
        let mut redacted = Redacted {
            count: 0,
            revs: None,
            up_to,
            has_more: false,
        };
        for _ in 0..ATTEMPTS {
            if redactions.is_empty() {
                return Ok(redacted);
            }
            let rev = messages.find_last_rev(room).await.map_err(of_write)?;
            let last = rev + i64::try_from(redactions.len()).unwrap_or(i64::MAX);
            let raised = self.store.chat_rooms.raise_rev(room, last).await;
            raised.map_err(of_write)?;
            let changed = messages.redact(room, rev, &redactions).await;
            let changed = changed.map_err(of_write)?;
            redacted.count += u64::try_from(changed).unwrap_or(u64::MAX);
            let new = rev + i64::try_from(changed).unwrap_or(i64::MAX);
            if changed > 0 {
                let (first, _) = redacted.revs.unwrap_or((rev + 1, 0));
                redacted.revs = Some((first, new));
            }
            if changed == redactions.len() {
                return Ok(redacted);
            }
            // somebody else has redacted some of them, or used a number
            let left = messages.list_unredacted(room, &redactions).await;
            redactions = left.map_err(of_write)?;
        }
        Err(match redacted.revs {
            None => Error::Unavailable,
            Some(_) => Error::UnknownOutcome,
        })
    }

    /// The messages of a chat room that a range of changes made what they are, and the people
    /// they are for. What this server remembers of them is forgotten.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], or failures.
    pub async fn changed(
        &self,
        room: ChatRoomId,
        (first, last): (i64, i64),
    ) -> Result<Vec<Stored>, Error> {
        self.lanes.forget_newest(room);
        let (_, conversation) = self.conversation_in(room).await?;
        let range = (first - 1, last);
        let limit = last.saturating_sub(first).saturating_add(1);
        self.changed_in(&conversation, range, limit, None).await
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

/// What stands in the place of a key that is forgotten.
fn digest(key: &str) -> String {
    format!(
        "{SERVER_KEY_MARK}{SERVER_KEY_MARK}{}",
        hex::encode(Sha256::digest(key))
    )
}
