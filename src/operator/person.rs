//! All that is stored of one person: to hand it out, and to remove it.

use super::Operator;
use crate::service::{
    Erased, ErasureCounts, ErasurePass, Error, Export, ExportPlace, Exported, IdInput,
};

impl Operator {
    /// Begins to read everything that is stored of a user, behind a place.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], or failures.
    pub async fn export(&self, who: &IdInput, after: Option<ExportPlace>) -> Result<Export, Error> {
        self.context.messenger.export(who, after).await
    }

    /// Reads the next things, each with its place, a few hundred KiB; nothing after the last.
    ///
    /// # Errors
    /// When the database cannot answer; it can be asked again.
    pub async fn export_next(
        &self,
        export: &mut Export,
    ) -> Result<Vec<(ExportPlace, Exported)>, Error> {
        self.context.messenger.export_next(export).await
    }

    /// Finds what there is to erase of a user, and notes that it begins.
    ///
    /// # Errors
    /// [`Error::BadRequest`] for an id that fits two users, or failures.
    pub async fn begin_erasure(&self, who: &IdInput) -> Result<Vec<Erased>, Error> {
        self.context.messenger.begin_erasure(who).await
    }

    /// Removes what a user set, and the user from the lists of others.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_lists(
        &self,
        erased: &Erased,
        counts: &mut ErasureCounts,
    ) -> Result<(), Error> {
        self.context.messenger.erase_lists(erased, counts).await
    }

    /// Removes from the lists of others whoever may be meant.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_from_lists(
        &self,
        who: &IdInput,
        counts: &mut ErasureCounts,
    ) -> Result<(), Error> {
        self.context.messenger.erase_from_lists(who, counts).await
    }

    /// Removes what a user said in the next chat rooms, and announces it; `false` after the
    /// last one.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_in_next_room(
        &self,
        erased: &Erased,
        pass: &mut ErasurePass,
        counts: &mut ErasureCounts,
    ) -> Result<bool, Error> {
        let mut to_tell = Vec::new();
        let messenger = &self.context.messenger;
        let done = messenger
            .erase_in_next_room(erased, pass, counts, &mut to_tell)
            .await;
        for changed in to_tell {
            self.announce_redacted(Some(changed)).await;
        }
        done
    }

    /// Gives the chat user a name of its own and ends its sockets; whether the user may
    /// still be doing something somewhere.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn erase_name(&self, erased: &Erased) -> Result<bool, Error> {
        let was_online = self.context.messenger.erase_name(erased).await?;
        let ended = self.context.end_chat_user(erased.who);
        self.logged().await?;
        Ok(was_online || ended > 0)
    }

    /// Waits until what a user had under way is stored or refused.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they are still online at a server.
    pub async fn erase_settled(&self, erased: &Erased) -> Result<(), Error> {
        self.context.messenger.erase_settled(erased).await
    }

    /// Ends an erasure: it is done, and the application hears of it. `false` if the user
    /// is online at a server: that has to settle first.
    ///
    /// # Errors
    /// Failures, after which it can be done again.
    pub async fn end_erasure(&self, erased: &Erased) -> Result<bool, Error> {
        let messenger = &self.context.messenger;
        if !messenger.end_erasure(erased).await? {
            return Ok(false);
        }
        self.context.end_chat_user(erased.who);
        // who asks again after a failure up to here has it announced again
        self.logged().await?;
        messenger.forget_erasure(erased).await.map(|()| true)
    }

    /// Lists the collections that hold what an adoption of chatzz 1.x has kept, which an
    /// erasure does not reach: the way back needs every byte of it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_kept(&self) -> Result<Vec<String>, Error> {
        let kept = self.store.list_kept().await;
        kept.map_err(|error| Error::of_read(&error))
    }
}
