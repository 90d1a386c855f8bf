//! Acting for users: chat rooms, receipts, blocks, signals.

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{Operator, Refused, in_field};
use crate::id::Seq;
use crate::rooms::{Answer, Caller};
use crate::service::{Bypass, Error, IdInput, Opened, Receipt};

impl Operator {
    /// Opens the chat room of two users.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(
        &self,
        from: &IdInput,
        to: &IdInput,
        bypass: Bypass,
    ) -> Result<Opened, Refused> {
        let messenger = &self.context.messenger;
        messenger.check_known(to).await.map_err(in_field("to"))?;
        let sender = messenger.sender(from).await.map_err(in_field("from"))?;
        let added = messenger.add_as(&sender, to, bypass).await;
        let added = added.map_err(in_field("to"))?;
        let contact = &added.added;
        let opened = Opened {
            id: contact.room,
            members: [sender.me.user.clone(), contact.user.id.clone()],
            added_by: contact.added_by.clone(),
            added_at: contact.added_at,
            is_new: added.created,
        };
        self.context.announce_added(&sender.me, added);
        Ok(opened)
    }

    /// Marks what a user received from another one as read, up to a position or all of it;
    /// how many messages it were.
    ///
    /// # Errors
    /// Why not, or why that is not known.
    pub async fn mark_read(
        &self,
        reader: &IdInput,
        with: IdInput,
        up_to: Option<Seq>,
    ) -> Result<u64, Refused> {
        let messenger = &self.context.messenger;
        let reader = messenger.sender(reader).await?;
        let receipt = Receipt::ReadUpTo(with, up_to.unwrap_or(Seq::MAX));
        let (answer, answered) = oneshot::channel();
        let caller = Caller::Call(answer);
        let submitted = messenger.receipt(&reader.me, receipt, caller).await;
        submitted.map_err(in_field("with"))?;
        let answer = answered.await.map_err(|_| Error::UnknownOutcome)?;
        match answer.map_err(Error::from)? {
            Answer::Moved { count, .. } => Ok(count),
            Answer::Message(_) | Answer::Unmoved(_) | Answer::Duplicate(_) => {
                Err(Error::Internal.into())
            }
        }
    }

    /// Lets a user block another one, or unblock them.
    ///
    /// # Errors
    /// Why not, or why that is not known.
    pub async fn set_blocked(
        &self,
        who: &IdInput,
        whom: &IdInput,
        is_blocked: bool,
    ) -> Result<(), Refused> {
        let messenger = &self.context.messenger;
        let me = messenger.sender(who).await?.me;
        let changed = if is_blocked {
            messenger.block(&me, whom).await
        } else {
            messenger.unblock(&me, whom).await
        };
        let (user, is_news) = changed?;
        if is_news {
            self.context.announce_block(&me, user, is_blocked);
        }
        Ok(())
    }

    /// Hands something to the sockets of a user, at all servers that NATS connects; whether
    /// there was one.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn signal(&self, who: &IdInput, data: &RawValue) -> Result<bool, Refused> {
        let found = self.context.messenger.taking_part(who).await?;
        Ok(found.is_some_and(|who| self.context.send_app_signal(who, data)))
    }
}
