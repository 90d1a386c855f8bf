//! Acting for users: chat rooms, receipts, blocks, signals.

use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{Operator, Refused, in_field};
use crate::id::{ChatRoomId, MessageId, Seq};
use crate::rooms::{Answer, Caller, Stored};
use crate::service::{Bypass, Error, IdInput, Opened, PrivacySettings, Receipt, Redacted, ToTell};

/// Pause before it is tried again to announce what was redacted.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// How often that is tried.
const TELL_ATTEMPTS: u32 = 60;

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

    /// Marks what a user received from another one as read, or as arrived; how many messages
    /// it were.
    ///
    /// # Errors
    /// Why not, or why that is not known.
    pub async fn advance(&self, reader: &IdInput, receipt: Receipt) -> Result<u64, Refused> {
        let messenger = &self.context.messenger;
        let reader = messenger.reader(reader).await?;
        let (answer, answered) = oneshot::channel();
        let caller = Caller::Call(answer);
        let submitted = messenger.receipt(&reader, receipt, caller).await;
        submitted.map_err(in_field("with"))?;
        let answer = answered.await.map_err(|_| Error::UnknownOutcome)?;
        match answer.map_err(Error::from)? {
            Answer::Moved { count, .. } => Ok(count),
            Answer::Message(_) | Answer::Unmoved(_) | Answer::Duplicate(_) => {
                Err(Error::Internal.into())
            }
        }
    }

    /// Sets who may write to a user; what is `None` stays as it is.
    ///
    /// # Errors
    /// Why not, or why that is not known.
    pub async fn set_privacy(
        &self,
        who: &IdInput,
        only: Option<bool>,
        whitelist: Option<Vec<IdInput>>,
    ) -> Result<PrivacySettings, Refused> {
        let messenger = &self.context.messenger;
        let me = messenger.sender(who).await?.me;
        let set = messenger.set_privacy(&me, only, whitelist).await;
        let (settings, is_written) = set.map_err(in_field("whitelist"))?;
        if is_written {
            self.context.announce_settings(&me, settings.clone());
        }
        Ok(settings)
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

    /// Removes what a message says; the message as it is then. A repeat changes nothing.
    ///
    /// # Errors
    /// [`Error::MessageNotFound`], or failures.
    pub async fn redact(&self, id: MessageId) -> Result<Stored, Error> {
        let messenger = &self.context.messenger;
        let mut to_tell = None;
        let redacted = messenger.redact(id, &mut to_tell).await;
        self.announce_redacted(to_tell).await;
        redacted?;
        // it is done, even if it cannot be shown
        let shown = messenger.message(id).await;
        shown.map_err(|_| Error::UnknownOutcome)
    }

    /// Removes what the next messages of a chat room say, up to 500 of them.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`], [`Error::UserNotFound`], or failures.
    pub async fn redact_next(
        &self,
        room: ChatRoomId,
        from: Option<&IdInput>,
        after: Seq,
    ) -> Result<Redacted, Refused> {
        let messenger = &self.context.messenger;
        let mut to_tell = None;
        let redacted = messenger.redact_next(room, from, after, &mut to_tell).await;
        self.announce_redacted(to_tell).await;
        redacted.map_err(in_field("from"))
    }

    /// Tells those who may see them and are here; other servers hear of it by the log. While
    /// the database does not answer, that goes on without the caller.
    pub(super) async fn announce_redacted(&self, to_tell: Option<ToTell>) {
        let Some(mut to_tell) = to_tell else { return };
        if self.tell_redacted(&mut to_tell).await.is_ok() {
            return;
        }
        let operator = self.clone();
        tokio::spawn(async move {
            for _ in 0..TELL_ATTEMPTS {
                tokio::time::sleep(TELL_AGAIN).await;
                if operator.tell_redacted(&mut to_tell).await.is_ok() {
                    return;
                }
            }
            operator.context.messenger.doubt_changes(&to_tell);
            tracing::warn!(room = %to_tell.room(), "nobody here heard that messages were redacted");
        });
    }

    async fn tell_redacted(&self, to_tell: &mut ToTell) -> Result<(), Error> {
        let messenger = &self.context.messenger;
        messenger.settle_changes(to_tell).await?;
        match messenger.changed(to_tell).await {
            Ok(changed) => self.context.announce_changed(&changed),
            Err(error @ (Error::NoChatRoom | Error::Internal)) => {
                tracing::error!(%error, room = %to_tell.room(), "redacted messages cannot be shown");
            }
            Err(error) => return Err(error),
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
