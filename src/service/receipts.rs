//! Receipts: read, delivered, confirmed.

use super::{Conversation, Error, IdInput, Me, Messenger};
use crate::domain::Members;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::rooms::{Advance, Caller, Command, Confirm, Member, ReceiptKind, Scope};

/// What a receiver says of messages.
#[derive(Clone, Debug)]
pub enum Receipt {
    /// Everything up to this one is read.
    ReadOne(MessageId),
    /// Everything of that user up to a position is read.
    ReadUpTo(IdInput, Seq),
    /// Everything of that user up to a position has arrived.
    DeliveredUpTo(IdInput, Seq),
}

impl Messenger {
    /// Hands a receipt to its chat room's lane, which answers the caller.
    ///
    /// # Errors
    /// When the receipt cannot be accepted. A message of somebody else's is
    /// [`Error::MessageNotFound`], as is one that does not exist.
    #[tracing::instrument(name = "messenger.receipt", level = "debug", skip_all)]
    pub async fn receipt(&self, me: &Me, receipt: Receipt, caller: Caller) -> Result<(), Error> {
        // boxed: large beside what a send needs
        let submitted = Box::pin(self.submit_receipt(me, receipt, caller));
        self.in_constant_time(submitted).await
    }

    async fn submit_receipt(&self, me: &Me, receipt: Receipt, caller: Caller) -> Result<(), Error> {
        let (conversation, kind, scope) = match receipt {
            Receipt::ReadOne(id) => {
                let message = self
                    .store
                    .messages
                    .find(id)
                    .await
                    .map_err(|error| Error::of_read(&error))?
                    .filter(|message| message.to == me.id)
                    .ok_or(Error::MessageNotFound)?;
                let conversation = self.members(me, message.chat_room, message.from).await?;
                let people = [&conversation.me.user, &conversation.other.user];
                caller.will_contain(people.map(AsRef::as_ref));
                (
                    conversation,
                    ReceiptKind::Read,
                    Scope::Message(Box::new(message)),
                )
            }
            Receipt::ReadUpTo(user, seq) => {
                let conversation = self.conversation_with(me, &user).await?;
                (conversation, ReceiptKind::Read, Scope::UpTo(seq))
            }
            Receipt::DeliveredUpTo(user, seq) => {
                let conversation = self.conversation_with(me, &user).await?;
                (conversation, ReceiptKind::Sent, Scope::UpTo(seq))
            }
        };
        let advance = Advance {
            room: conversation.room,
            reader: conversation.me,
            sender: conversation.other,
            kind,
            scope,
            deadline: caller.since() + self.deadline,
            caller,
        };
        self.lanes
            .submit(Command::Advance(advance))
            .map_err(|_| Error::Overloaded)
    }

    /// Notes that a receiver has messages; nobody waits for it.
    ///
    /// When the lane has too much to do it is forgotten: the messages are then
    /// delivered once more at the next login.
    pub fn confirm(&self, confirm: Confirm) {
        if self.lanes.submit(Command::Confirm(confirm)).is_err() {
            tracing::debug!("a confirmation was dropped");
        }
    }

    /// The people of a chat room that is known to be mine.
    async fn members(
        &self,
        me: &Me,
        room: ChatRoomId,
        other: ChatUserId,
    ) -> Result<Conversation, Error> {
        let documents = self
            .store
            .chat_users
            .list(&[other])
            .await
            .map_err(|error| Error::of_read(&error))?;
        let document = documents.into_iter().next().ok_or(Error::Internal)?;
        let (mine, others) = futures::try_join!(
            self.directory.get(&me.user),
            self.directory.get(&document.user)
        )?;
        Ok(Conversation {
            room,
            members: Members::new(me.id, other).ok_or(Error::Internal)?,
            me: Member {
                id: me.id,
                user: mine,
            },
            other: Member {
                id: other,
                user: others,
            },
        })
    }
}
