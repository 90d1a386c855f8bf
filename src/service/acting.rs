//! Acting as a user: what the application's back end does in somebody's name.

use super::{Added, Draft, Error, IdInput, Me, Messenger};
use crate::rooms::Caller;

/// Rules that the application may set aside for one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bypass {
    /// The receiver's blocks and whitelist.
    pub block: bool,
    /// The contact rule.
    pub rule: bool,
    /// The hooks: the application need not ask itself.
    pub hooks: bool,
}

/// Who does something in a user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The user, on a device of theirs.
    User,
    /// The application.
    Server {
        /// What does not hold for it.
        bypass: Bypass,
        /// Whether it has deleted the user: what was sent before can be repeated, no more.
        is_gone: bool,
    },
}

impl Actor {
    pub(super) fn ignores_block(self) -> bool {
        matches!(self, Self::Server { bypass, .. } if bypass.block)
    }

    pub(super) fn ignores_rule(self) -> bool {
        matches!(self, Self::Server { bypass, .. } if bypass.rule)
    }

    pub(super) fn ignores_hooks(self) -> bool {
        matches!(self, Self::Server { bypass, .. } if bypass.hooks)
    }

    pub(super) fn is_gone(self) -> bool {
        matches!(self, Self::Server { is_gone: true, .. })
    }
}

/// A user in whose name the application acts.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The user.
    pub me: Me,
    is_gone: bool,
}

impl Sender {
    fn acting(&self, bypass: Bypass) -> Actor {
        Actor::Server {
            bypass,
            is_gone: self.is_gone,
        }
    }
}

impl Messenger {
    /// Finds the user in whose name the application acts; they need never have logged in.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] for whom the application does not have, unless they took
    /// part before and are not erased, or failures.
    #[tracing::instrument(name = "messenger.sender", level = "debug", skip_all)]
    pub async fn sender(&self, who: &IdInput) -> Result<Sender, Error> {
        let user = self.user_or_deleted(who).await?;
        if user.id.is_erased() {
            return Err(Error::UserNotFound);
        }
        let id = match self.chat_user(&user.id).await? {
            Some(id) => id,
            None => self.register(&user).await?.id,
        };
        Ok(Sender {
            me: Me {
                id,
                user: user.id.clone(),
            },
            is_gone: user.is_deleted,
        })
    }

    /// Finds a user who has something to read; stores nothing.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] when there is none, [`Error::NoChatRoom`] when they never took
    /// part, or failures.
    #[tracing::instrument(name = "messenger.reader", level = "debug", skip_all)]
    pub async fn reader(&self, who: &IdInput) -> Result<Me, Error> {
        let user = self.user_or_deleted(who).await?;
        let id = self.chat_user(&user.id).await?.ok_or(Error::NoChatRoom)?;
        let user = user.id.clone();
        Ok(Me { id, user })
    }

    /// Finds out whether the application has a user.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] if it has not, unless they took part before, or failures.
    pub async fn check_known(&self, who: &IdInput) -> Result<(), Error> {
        self.user_or_deleted(who).await.map(drop)
    }

    /// Hands a message of the application to its chat room's lane, which answers the caller.
    ///
    /// # Errors
    /// [`Error::NoChatRoom`] when there is none to send it in, or those of
    /// `Messenger::send`; nothing is stored then.
    #[tracing::instrument(name = "messenger.send_as", level = "debug", skip_all)]
    pub async fn send_as(
        &self,
        sender: &Sender,
        draft: Draft,
        bypass: Bypass,
        caller: Caller,
    ) -> Result<(), Error> {
        self.submit_message(&sender.me, draft, sender.acting(bypass), caller, None)
            .await
    }

    /// Opens the chat room of two users; the same one however often.
    ///
    /// # Errors
    /// Those of [`Messenger::add`].
    #[tracing::instrument(name = "messenger.add_as", level = "debug", skip_all)]
    pub async fn add_as(
        &self,
        sender: &Sender,
        whom: &IdInput,
        bypass: Bypass,
    ) -> Result<Added, Error> {
        if sender.is_gone {
            return Err(Error::UserNotFound);
        }
        self.open(&sender.me, whom, sender.acting(bypass)).await
    }
}
