//! Moving a member's `sent` cursor, durably, before the device gets anything.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Conversation, Error, Messenger};
use crate::domain::Status;
use crate::id::Seq;
use crate::rooms::{Advance, Caller, Command, LaneError, ReceiptKind, Scope, Stored};

/// How much of a conversation a device is about to get.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    /// These messages.
    These,
    /// Everything up to a position: these messages in full, and unless they are all that
    /// was missed, the others as a count.
    UpTo { last: Seq, in_full: bool },
}

impl Messenger {
    /// Marks those messages `sent` that a device is about to get and that were not, and
    /// shows them so.
    ///
    /// # Errors
    /// When the database cannot answer in time.
    pub(super) async fn mark_sent(
        &self,
        conversation: &Conversation,
        messages: &mut [Stored],
        extent: Extent,
    ) -> Result<(), Error> {
        let mine = conversation.me.id;
        let waits = |stored: &&mut Stored| {
            stored.delivery.status == Status::NotSent && stored.message.to == mine
        };
        let mut waiting: Vec<&mut Stored> = messages.iter_mut().filter(waits).collect();
        let Some(newest) = waiting.last() else {
            return match extent {
                Extent::UpTo { last, in_full } if !in_full => {
                    self.record_sent(conversation, Scope::Counted(last)).await
                }
                Extent::UpTo { .. } | Extent::These => Ok(()),
            };
        };
        let up_to = match extent {
            Extent::UpTo { last, .. } => last,
            Extent::These => newest.message.seq,
        };
        let scope = Scope::Sent {
            up_to,
            newest: Box::new(newest.message.clone()),
        };
        self.record_sent(conversation, scope).await?;
        for stored in &mut waiting {
            stored.delivery.status = Status::Sent;
        }
        Ok(())
    }

    /// Records it through the chat room's lane.
    async fn record_sent(&self, conversation: &Conversation, scope: Scope) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        let advance = Advance {
            room: conversation.room,
            reader: conversation.me.clone(),
            sender: conversation.other.clone(),
            kind: ReceiptKind::Sent,
            scope,
            caller: Caller::Call(done),
            deadline: Instant::now() + self.deadline,
        };
        self.lanes
            .submit(Command::Advance(advance))
            .map_err(|_| Error::Overloaded)?;
        answer.await.map_err(|_| LaneError::Internal)??;
        Ok(())
    }
}
