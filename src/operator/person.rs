//! All that is stored of one person: to hand it out, and to remove it.

use super::Operator;
use crate::service::{Error, Export, ExportPlace, Exported, IdInput};

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
}
