//! Letters: events that the application did not take.

use super::Operator;
use crate::service::Error;
use crate::store::Letter;

impl Operator {
    /// Lists letters behind one of them, those of a chat room in the order of its events.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn letters(&self, after: &str, limit: i64) -> Result<Vec<Letter>, Error> {
        let listed = self.store.pushes().list_letters(after, limit).await;
        listed.map_err(|error| Error::of_read(&error))
    }

    /// Has a letter pushed again; `None` if there is none of this id.
    ///
    /// # Errors
    /// When the database did not answer.
    pub async fn retry_letter(&self, id: &str) -> Result<Option<Letter>, Error> {
        let now = self.clock().now();
        let found = self.store.pushes().retry_letter(id, now).await;
        found.map_err(|error| Error::of_write(&error))
    }
}
