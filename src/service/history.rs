//! History: bounded pages, both ways.

use std::sync::Arc;

use bson::DateTime;

use super::mark_sent::Extent;
use super::{Conversation, Error, IdInput, Me, Messenger, SentRange};
use crate::domain::{ByMember, Members, Message, Position};
use crate::id::{ChatRoomId, Seq};
use crate::rooms::Stored;
use crate::store::chat_rooms::Receipts;
use crate::store::messages::Page;
use crate::store::{self, User};

/// Most bytes of texts and user details in a page: at 200 kbit/s ten seconds, between two pings; and a socket
/// that does not read holds one of them.
const MAX_PAGE_BYTES: usize = 256 * 1024;

/// Messages that are read at first: of long ones a page needs no more, of most pages they
/// are all.
const READ_FIRST: i64 = 101;

/// What history a client asks for.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// The conversation with this user.
    pub with: IdInput,
    /// Messages created at or after this time.
    pub since: Option<DateTime>,
    /// Messages before this position.
    pub before: Option<Seq>,
    /// Messages after this position.
    pub after: Option<Seq>,
    /// How many; clamped to what is configured.
    pub limit: Option<i64>,
    /// How the messages contain their people.
    pub people: People,
}

/// How messages contain their two people, in the answers of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// By their details.
    Details,
    /// By their ids.
    Ids,
}

impl People {
    /// About how many bytes the two people are in each message.
    pub(super) fn bytes(self, people: [&User; 2]) -> usize {
        match self {
            Self::Details => people.map(User::size).iter().sum(),
            Self::Ids => 0,
        }
    }
}

/// One page of history, ascending.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The messages.
    pub messages: Vec<Stored>,
    /// Whether there are more in the direction asked.
    pub has_more: bool,
    /// What counts as handed over once the page is out.
    pub sent_ranges: Option<SentRange>,
}

impl Messenger {
    /// Gets a page of a conversation.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::NoChatRoom`], or failures.
    #[tracing::instrument(name = "messenger.history", level = "debug", skip_all)]
    pub async fn history(&self, me: &Me, query: &HistoryQuery) -> Result<HistoryPage, Error> {
        let conversation = self.conversation_with(me, &query.with);
        let conversation = self.in_constant_time(conversation).await?;
        let most = i64::from(self.paging.history_max);
        let limit = query
            .limit
            .unwrap_or_else(|| i64::from(self.paging.history_default))
            .clamp(1, most);
        let ascending = query.since.is_some() || query.after.is_some();
        let since = match query.since {
            Some(since) => self.position_of(conversation.room, since).await? - 1,
            None => 0,
        };
        let page = Page {
            after: since.max(query.after.unwrap_or(0)),
            before: query.before.unwrap_or(Seq::MAX),
            ascending,
            limit: limit + 1,
            viewer: Some(me.id),
        };
        let (me_too, other) = (&conversation.me.user, &conversation.other.user);
        let people = query.people.bytes([me_too, other]);
        let (mut messages, receipts) = self.page_and_receipts(&conversation, page, people).await?;
        let fits = fitting(&messages, limit, people);
        let has_more = messages.len() > fits;
        messages.truncate(fits);
        if !ascending {
            messages.reverse();
        }
        let sent_ranges = messages
            .first()
            .zip(messages.last())
            .map(|(first, last)| SentRange {
                room: conversation.room,
                // a page asked for `after` begins right there, whatever it holds
                first: if ascending { page.after + 1 } else { first.seq },
                last: last.seq,
            });
        let messages = messages.into_iter();
        let messages = messages.map(|message| self.as_got(&conversation, &receipts, message));
        let mut messages: Vec<Stored> = messages.collect();
        self.mark_sent(&conversation, &mut messages, Extent::These)
            .await?;
        Ok(HistoryPage {
            messages,
            has_more,
            sent_ranges,
        })
    }

    /// Finds a message of a chat room, for somebody who may see it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_message(&self, room: ChatRoomId, seq: Seq) -> Result<Option<Message>, Error> {
        let found = self.store.messages.find_at(room, seq).await;
        found.map_err(|error| Error::of_read(&error))
    }

    /// A page, and how far both members got: as the chat room says, unless an earlier look
    /// at it says the same of this page.
    pub(super) async fn page_and_receipts(
        &self,
        conversation: &Conversation,
        page: Page,
        people: usize,
    ) -> Result<(Vec<Message>, Arc<ByMember<Receipts>>), Error> {
        let Conversation { room, members, .. } = *conversation;
        let of_read = |error| Error::of_read(&error);
        let messages = self.list_fitting(room, page, people);
        let receipts = self.store.chat_rooms.find_receipts(members);
        let (messages, receipts) = match self.receipts.get(&room).await {
            Some(known) => {
                let messages = messages.await.map_err(of_read)?;
                if is_all_read(&messages, members, &known) {
                    return Ok((messages, known));
                }
                (messages, receipts.await.map_err(of_read)?)
            }
            None => futures::try_join!(messages, receipts).map_err(of_read)?,
        };
        let receipts = Arc::new(receipts);
        if [Position::First, Position::Second].map(|one| receipts.of(one).has_no_gap()) == [true; 2]
        {
            self.receipts.insert(room, Arc::clone(&receipts)).await;
        }
        Ok((messages, receipts))
    }

    /// Lists the messages of a page until they are as many as asked for, or one more than
    /// fit: what a page cannot contain is not read, but for a few.
    async fn list_fitting(
        &self,
        room: ChatRoomId,
        page: Page,
        people: usize,
    ) -> Result<Vec<Message>, store::Error> {
        let mut messages: Vec<Message> = Vec::new();
        // of people with long details few fit, and one more tells that there are more
        let most = MAX_PAGE_BYTES / people.max(1) + 2;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut next = Page {
            limit: page.limit.min(READ_FIRST.min(most)),
            ..page
        };
        loop {
            let found = self.store.messages.list_page(room, next).await?;
            let count = |messages: &[Message]| i64::try_from(messages.len()).unwrap_or(i64::MAX);
            let is_end = count(&found) < next.limit;
            messages.extend(found);
            let wanted = page.limit - count(&messages);
            let bytes: usize = messages
                .iter()
                .map(|one| one.content_bytes() + people)
                .sum();
            let Some(last) = messages.last() else {
                return Ok(messages);
            };
            if is_end || wanted <= 0 || bytes > MAX_PAGE_BYTES {
                return Ok(messages);
            }
            // as many as fit if they are like those before
            let fitting = (MAX_PAGE_BYTES - bytes) / (bytes / messages.len()).max(1) + 1;
            next.limit = wanted.min(i64::try_from(fitting).unwrap_or(i64::MAX));
            if page.ascending {
                next.after = last.seq;
            } else {
                next.before = last.seq;
            }
        }
    }

    /// A message of a conversation with its people, and how far it got.
    pub(super) fn as_got(
        &self,
        conversation: &Conversation,
        receipts: &ByMember<Receipts>,
        message: Message,
    ) -> Stored {
        let Conversation {
            room, me, other, ..
        } = conversation;
        let (from, to) = if message.from == me.id {
            (me, other)
        } else {
            (other, me)
        };
        let position = conversation.members.position(message.to);
        let delivery = position.map_or_else(
            || message.born(),
            |position| {
                let Receipts { cursors, steps } = receipts.of(position);
                let cursors = self.lanes.furthest(*room, message.to, *cursors);
                message.delivery(&cursors, steps)
            },
        );
        Stored {
            from: Arc::clone(&from.user),
            to: Arc::clone(&to.user),
            receiver: to.id,
            message,
            delivery,
            origin: None,
        }
    }

    /// The first position whose message was created at or after `since`; one
    /// past the last if none was.
    ///
    /// Times never decrease with positions, and positions have no gaps: a
    /// binary search of about twenty point queries for a million messages.
    async fn position_of(&self, room: ChatRoomId, since: DateTime) -> Result<Seq, Error> {
        let of_read = |error| Error::of_read(&error);
        let messages = &self.store.messages;
        let last = messages.list_last(&[room]).await.map_err(of_read)?;
        let Some(last) = last.first() else {
            return Ok(1);
        };
        let (mut low, mut high) = (1, last.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let message = messages.find_at(room, middle).await.map_err(of_read)?;
            if message.is_some_and(|message| message.created_at < since) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// Whether these receipts say of each message that it was read, and so all that there will
/// ever be to say: what is read stays read, and its time too.
fn is_all_read(messages: &[Message], members: Members, receipts: &ByMember<Receipts>) -> bool {
    messages.iter().all(|message| {
        let receiver = members.position(message.to);
        receiver.is_none_or(|receiver| message.seq <= receipts.of(receiver).cursors.read.seq)
    })
}

/// How many of the first messages make a page: at most `limit`, and no more than
/// [`MAX_PAGE_BYTES`] of texts and people unless it is one message.
pub(super) fn fitting<'a>(
    messages: impl IntoIterator<Item = &'a Message>,
    limit: i64,
    people: usize,
) -> usize {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let within = messages.into_iter().take(limit).enumerate();
    let within = within.take_while(|(index, message)| {
        bytes += message.content_bytes() + people;
        *index == 0 || bytes <= MAX_PAGE_BYTES
    });
    within.count()
}
