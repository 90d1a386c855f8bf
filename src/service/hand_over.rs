//! Marking messages handed over, durably, before anybody is told them.

use std::collections::HashMap;

use bson::DateTime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Conversation, Error, Messenger};
use crate::id::MessageId;
use crate::lanes::{Advance, Answer, Asker, Command, LaneError, Scope};
use crate::store::messages::{Ends, Step};
use crate::store::{Message, Status};

impl Messenger {
    /// Marks those of these messages handed over that never were, and shows
    /// all as they are then. Those that the asker has not received are left.
    ///
    /// # Errors
    /// When the database cannot answer in time.
    pub(super) async fn hand_over(
        &self,
        conversation: &Conversation,
        messages: &mut [Message],
    ) -> Result<(), Error> {
        let mine = conversation.me.id;
        let waits = |message: &&Message| message.status == Status::NotSent && message.to == mine;
        let waiting: Vec<&Message> = messages.iter().filter(waits).collect();
        let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else {
            return Ok(());
        };
        let ends = Ends {
            oldest: first.seq,
            newest: (*last).clone(),
        };
        let ids: Vec<MessageId> = waiting.iter().map(|message| message.id).collect();
        let (at, count) = self.mark_handed_over(conversation, ends).await?;
        if usize::try_from(count).is_ok_and(|count| count == ids.len()) {
            let received = messages.iter_mut().filter(|message| message.to == mine);
            for message in received.filter(|message| message.status == Status::NotSent) {
                message.status = Status::Sent;
                message.sent_at = Some(at);
            }
            return Ok(());
        }
        // another socket or another node was first with some, at another time
        let found = self.store.messages.list(&ids).await;
        let found = found.map_err(|error| Error::of_read(&error))?;
        let mut found: HashMap<MessageId, Message> = found
            .into_iter()
            .map(|message| (message.id, message))
            .collect();
        for message in messages {
            if let Some(now) = found.remove(&message.id) {
                *message = now;
            }
        }
        Ok(())
    }

    /// Applies it through the chat room's lane; tells when, and to how many.
    async fn mark_handed_over(
        &self,
        conversation: &Conversation,
        messages: Ends,
    ) -> Result<(DateTime, u64), Error> {
        let (done, answer) = oneshot::channel();
        let advance = Advance {
            room: conversation.room,
            reader: conversation.me.clone(),
            sender: conversation.other.clone(),
            step: Step::Sent,
            scope: Scope::Known(messages),
            asker: Asker::Task(done),
            deadline: Instant::now() + self.deadline,
        };
        self.lanes
            .submit(Command::Advance(advance))
            .map_err(|_| Error::Overloaded)?;
        match answer.await {
            Ok(Ok(Answer::Moved { at, count, .. })) => Ok((at, count)),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) | Err(_) => Err(LaneError::Internal.into()),
        }
    }
}
