//! Storing messages: numbering, one ordered insert, and what a refusal means.
//!
//! A refused insert is sorted by the index that refused: `_id`, our own earlier
//! attempt has stored the message; `(chatRoom, from, clientId)`, the sender repeats a
//! send; `(chatRoom, seq)`, another process has used the number.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::batch::{Batch, Taken};
use super::command::{Append, Command, LaneError, Stored};
use super::inbox::refuse;
use super::lane::{FIRST_PAUSE, Lane, MAX_PAUSE};
use crate::domain::{Head, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::messages::{Appended, Refusal};
use crate::store::{Error, once_visible};

/// How often a message that took a number is looked for before the number is tried again;
/// with the pauses in between about half a second.
const MAX_LOOKS: u32 = 10;

/// Whether the batch goes on.
enum Next {
    /// With another attempt, at once.
    Again,
    /// With another attempt, after a pause.
    Later,
    /// Not at all: everything is answered, and nothing is known of the outcome.
    Over,
}

impl Lane {
    /// Stores messages and announces them, or answers why not.
    pub(super) async fn append(&mut self, mut appends: Vec<Append>) {
        let now = tokio::time::Instant::now();
        let overdue: Vec<Append> = appends
            .extract_if(.., |append| append.deadline <= now)
            .collect();
        for append in overdue {
            refuse(
                Command::Append(append),
                LaneError::Unavailable,
                self.outlet(),
            );
        }
        let mut batch = Batch::of(appends);
        let mut pause = FIRST_PAUSE;
        while !batch.is_empty() {
            match self.attempt(&mut batch).await {
                Ok(Next::Again) => pause = FIRST_PAUSE,
                Ok(Next::Later) => {
                    if !self.rest(pause, &mut batch).await {
                        self.give_up(&batch);
                        return;
                    }
                    pause = MAX_PAUSE.min(pause * 2);
                }
                Ok(Next::Over) => {
                    self.give_up(&batch);
                    return;
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "messages were refused"
                    );
                    // those before the one that was refused are stored
                    batch.mark_attempted();
                    batch.refuse(LaneError::Internal, self.deps.outlet.as_ref());
                    self.give_up(&batch);
                    return;
                }
            }
        }
    }

    /// Numbers whatever is left from the database's own state next time: what
    /// was tried may still come to be stored.
    fn give_up(&mut self, batch: &Batch) {
        for (room, members) in batch.open_members() {
            self.rooms.doubt(room);
            self.follow_ups.look_again(room, members);
        }
    }

    /// Waits; `false` when everything was answered meanwhile.
    async fn rest(&mut self, pause: Duration, batch: &mut Batch) -> bool {
        let sleep = tokio::time::sleep(pause);
        self.inbox.wait(sleep, batch).await.is_some()
    }

    /// One attempt at what is left of the batch.
    async fn attempt(&mut self, batch: &mut Batch) -> Result<Next, Error> {
        match self.learn(batch.members(), batch).await {
            None => return Ok(Next::Over),
            Some(Err(error)) if error.is_transient() => return Ok(Next::Later),
            Some(Err(error)) => return Err(error),
            Some(Ok(())) => {}
        }
        batch.drop_abandoned();
        self.refuse_strangers(batch);
        if batch.is_empty() {
            return Ok(Next::Again);
        }
        self.note_seen(batch);
        let ready = batch.set_aside();
        if ready == 0 {
            return Ok(Next::Later);
        }
        let messages = self.number(batch, ready)?;
        let store = self.deps.store.messages.clone();
        let limit = self.deps.attempt;
        let insert = store.append(Arc::clone(&messages), limit);
        let started = tokio::time::Instant::now();
        batch.in_flight = true;
        let Some(inserted) = self.inbox.wait(insert, batch).await else {
            return Ok(Next::Over);
        };
        batch.in_flight = false;
        record_commit(messages.len(), started.elapsed());
        match inserted {
            Ok(Appended::All) => {
                self.settle(batch, &messages).await;
                Ok(Next::Again)
            }
            Ok(Appended::StoppedAt { index, refusal }) => {
                self.settle(batch, messages.get(..index).unwrap_or_default())
                    .await;
                let refused = messages.get(index).map_or(0, |message| message.seq);
                self.settle_refused(batch, refusal, refused).await
            }
            Err(error) if error.is_transient() => {
                if error.may_be_applied() {
                    batch.mark_attempted();
                }
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "storing is retried"
                );
                Ok(Next::Later)
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses messages whose chat room is not there, or is not their sender's: an
    /// operator removed it, perhaps. The others of the batch are none the worse.
    fn refuse_strangers(&mut self, batch: &mut Batch) {
        let mut strangers = Vec::new();
        for (item, room) in batch.items.iter().zip(&batch.rooms) {
            let members = self.rooms.numbered(*room).map(|room| room.members);
            let position = members.and_then(|members| members.position(item.append.from.id));
            if position.is_none() {
                tracing::error!(%room, "a message to a chat room that is not there was refused");
                strangers.push(item.id);
            }
        }
        for id in strangers {
            if let Some(mut item) = batch.take(id) {
                item.refuse(LaneError::Internal, self.outlet());
            }
        }
    }

    /// Chat rooms go on of which the message that took a number has been seen, or cannot be
    /// seen: an election may have undone it, and then the number is free.
    fn note_seen(&mut self, batch: &mut Batch) {
        batch.taken.retain(|id, taken| {
            let head = self.rooms.numbered(*id).and_then(|room| room.head);
            taken.looks += 1;
            let is_open = head.is_some_and(|head| head.seq < taken.seq) && taken.looks < MAX_LOOKS;
            if is_open {
                // a majority read does not show it yet
                self.rooms.doubt(*id);
            }
            is_open
        });
    }

    /// Gives the first `ready` messages of the batch the next place in their chat rooms:
    /// number, time and counts all follow from the message before.
    fn number(&mut self, batch: &Batch, ready: usize) -> Result<Arc<[Message]>, Error> {
        let now = self.deps.clock.now();
        let mut heads: HashMap<ChatRoomId, Head> = HashMap::new();
        let outlet = Arc::clone(&self.deps.outlet);
        let items = batch.items.iter().zip(&batch.rooms).take(ready);
        let numbered = items.map(|(item, id)| {
            let room = self.rooms.get(*id).ok_or(Error::NoChatRoom)?;
            let (members, known) = (room.members, room.head.ok_or(Error::NoChatRoom)?);
            let head = heads.entry(*id).or_insert(known);
            let message = item.numbered(members, *head, now, outlet.as_ref());
            let message = message.ok_or(Error::NoChatRoom)?;
            *head = message.head();
            Ok(message)
        });
        numbered.collect()
    }

    /// The first messages of the batch are stored as `messages`.
    async fn settle(&mut self, batch: &mut Batch, messages: &[Message]) {
        let mut items = batch.take_first(messages.len());
        let mut stored: Vec<Stored> = items
            .iter_mut()
            .zip(messages)
            .map(|(item, message)| item.stored(message.clone(), message.born()))
            .collect();
        self.announce(&mut stored).await;
        for ((item, message), stored) in items.iter_mut().zip(messages).zip(&stored) {
            item.answer_repeats(message, message.born(), self.outlet());
            let members = [item.append.from.clone(), item.append.to.clone()];
            self.mark_sent(std::slice::from_ref(stored), &members);
        }
    }

    /// The first message of the batch was refused, with the number `seq`.
    async fn settle_refused(
        &mut self,
        batch: &mut Batch,
        refusal: Refusal,
        seq: Seq,
    ) -> Result<Next, Error> {
        let (Some(item), Some(room)) = (batch.items.first(), batch.rooms.first().copied()) else {
            return Ok(Next::Again);
        };
        let store = self.deps.store.clone();
        let (id, from) = (item.id, item.append.from.id);
        let found = match refusal {
            Refusal::NumberTaken => {
                batch.taken.insert(room, Taken { seq, looks: 0 });
                // whoever took that one has perhaps written in the others, too
                for room in &batch.rooms {
                    self.rooms.doubt(*room);
                }
                return Ok(Next::Again);
            }
            Refusal::AlreadyStored => {
                // stored under the number of that attempt: looked up after the last known one
                self.rooms.doubt(room);
                let find = async { once_visible(|| store.messages.find(id)).await };
                self.inbox.wait(find, batch).await
            }
            Refusal::Repeated => return self.settle_repeated(batch, room, from).await,
        };
        match found {
            None => Ok(Next::Over),
            Some(Err(error)) if error.is_transient() => Ok(Next::Later),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => {
                self.rooms.doubt(room);
                Ok(Next::Again)
            }
        }
    }

    /// The first message of the batch repeats one that was stored before, as perhaps others
    /// of its sender do: answers all of these with what is stored, as far as it got by now.
    async fn settle_repeated(
        &mut self,
        batch: &mut Batch,
        room: ChatRoomId,
        from: ChatUserId,
    ) -> Result<Next, Error> {
        let client_ids = batch.client_ids(room, from);
        let Some(first) = client_ids.first().cloned() else {
            return Ok(Next::Again);
        };
        let messages = self.deps.store.messages.clone();
        let list = async {
            let listed = || async {
                let found = messages.list_by_client_ids(room, from, &client_ids).await?;
                let is_visible = found
                    .iter()
                    .any(|one| one.client_id.as_deref() == Some(first.as_str()));
                Ok(is_visible.then_some(found))
            };
            once_visible(listed).await
        };
        let found = match self.inbox.wait(list, batch).await {
            None => return Ok(Next::Over),
            Some(Err(error)) if error.is_transient() => return Ok(Next::Later),
            Some(found) => found?,
        };
        self.answer_repeated(batch, room, &found).await
    }

    /// Answers those of the batch whose client id was stored before, as `found`.
    async fn answer_repeated(
        &mut self,
        batch: &mut Batch,
        room: ChatRoomId,
        found: &[Message],
    ) -> Result<Next, Error> {
        let Some(members) = self.rooms.get(room).map(|room| room.members) else {
            return Ok(Next::Again);
        };
        let chat_rooms = self.deps.store.chat_rooms.clone();
        let find = async { chat_rooms.find_receipts(members).await };
        let receipts = match self.inbox.wait(find, batch).await {
            None => return Ok(Next::Over),
            Some(Err(error)) if error.is_transient() => return Ok(Next::Later),
            Some(found) => found?,
        };
        for message in found {
            if batch.has(message.id) {
                // its own attempt has stored it: it is found behind the last known message
                self.rooms.doubt(room);
                continue;
            }
            let receipts = members.position(message.to).map(|to| receipts.of(to));
            let delivery = receipts.map_or_else(
                || message.born(),
                |receipts| message.delivery(&receipts.cursors, &receipts.steps),
            );
            if let Some(mut item) = batch.take_repeated(message) {
                item.answer_as_repeated(message, delivery, self.outlet());
            }
        }
        Ok(Next::Again)
    }
}

fn record_commit(messages: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    metrics::histogram!("chatzz_batch_messages").record(messages as f64);
    metrics::histogram!("chatzz_commit_seconds").record(took.as_secs_f64());
}
