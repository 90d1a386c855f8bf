//! Ephemeral events: typing and signals. Sent to those who are online, never stored.

use std::sync::Arc;

use super::{Conversation, Error, IdInput, Me, Messenger, Reception};
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::User;

/// Whom an ephemeral event goes to.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    /// Who sends it.
    pub from: Arc<User>,
    /// Who receives it.
    pub to: ChatUserId,
    /// The chat room of the two.
    pub room: ChatRoomId,
}

impl Messenger {
    /// Finds who is to see that `me` is typing; `None` when nobody is.
    ///
    /// That is so when the other does not take messages from me, which the typing
    /// must not reveal, or when I blocked them, who do not see that I am online.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::NoChatRoom`], or failures.
    #[tracing::instrument(name = "messenger.typing", level = "debug", skip_all)]
    pub async fn typing(&self, me: &Me, whom: &IdInput) -> Result<Option<Ephemeral>, Error> {
        let found = self.ephemeral(me, whom);
        let (reception, ephemeral) = self.in_constant_time(found).await?;
        Ok((reception == Reception::Taken).then_some(ephemeral))
    }

    /// Finds whom to hand a signal to; `None` when it is withheld.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::NoChatRoom`], [`Error::Blocked`] also when
    /// I blocked them, or failures.
    #[tracing::instrument(name = "messenger.signal", level = "debug", skip_all)]
    pub async fn signal(&self, me: &Me, whom: &IdInput) -> Result<Option<Ephemeral>, Error> {
        let found = self.ephemeral(me, whom);
        match self.in_constant_time(found).await? {
            (Reception::Taken, ephemeral) => Ok(Some(ephemeral)),
            (Reception::Withheld, _) => Ok(None),
            (Reception::Refused, _) => Err(Error::Blocked),
        }
    }

    /// The other of a chat room, by the rules of sending; refused as well when I
    /// blocked them. All of it is cached: no query while warm.
    async fn ephemeral(&self, me: &Me, whom: &IdInput) -> Result<(Reception, Ephemeral), Error> {
        let other = self.user(whom).await?;
        if !self.rule.allows(me, &other.id).await? {
            return Err(Error::UserNotFound);
        }
        let Conversation {
            room,
            me: mine,
            other,
            ..
        } = self.conversation(me, other).await?;
        let blocked = self.privacies.of(me.id).await?.blocked_since(other.id);
        let reception = match blocked {
            Some(_) => Reception::Refused,
            None => self.reception(other.id, me).await?,
        };
        let ephemeral = Ephemeral {
            from: mine.user,
            to: other.id,
            room,
        };
        Ok((reception, ephemeral))
    }
}
