//! Recounting messages and repairing their counts, for `chatzz verify`.

use bson::{Document, doc};
use mongodb::options::Hint;

use super::{Error, Messages, SEQ, Scanned};
use crate::domain::Counts;
use crate::id::{ChatRoomId, Seq};
use crate::store::MAINTENANCE_LIMIT;
use crate::store::chat_rooms::numbers;

impl Messages {
    /// Counts the messages in a range of a chat room. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_between(
        &self,
        room: ChatRoomId,
        first: Seq,
        last: Seq,
    ) -> Result<u64, Error> {
        let filter = doc! { "chatRoom": room, "seq": { "$gte": first, "$lte": last } };
        self.count(filter, SEQ).await
    }

    async fn count(&self, filter: Document, index: &'static str) -> Result<u64, Error> {
        self.documents
            .run_within(
                MAINTENANCE_LIMIT,
                "messages.count",
                |collection| async move {
                    let counted = collection.count_documents(filter.clone());
                    let hint = Hint::Name(index.to_owned());
                    match counted.hint(hint).await {
                        // the index is missing: then slowly
                        Err(error) if is_bad_hint(&error) => {
                            collection.count_documents(filter).await
                        }
                        counted => counted,
                    }
                },
            )
            .await
    }

    /// Counts all messages from the collection's metadata, approximately.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn estimate(&self) -> Result<u64, Error> {
        self.documents
            .run("messages.estimate", |collection| async move {
                collection.estimated_document_count().await
            })
            .await
    }

    /// Replaces counts that are unchanged since they were seen; returns whether they were.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn mend_counts(&self, seen: &Scanned, counts: Counts) -> Result<bool, Error> {
        // null also matches a missing field
        let filter = doc! { "_id": &seen.id, "counts": &seen.stored_counts };
        let update = doc! { "$set": { "counts": numbers(counts) } };
        let matched = self
            .documents
            .update_one("messages.mend_counts", filter, update, false);
        Ok(matched.await? == 1)
    }
}

/// Whether the database does not have the index of the hint (code 2).
fn is_bad_hint(error: &mongodb::error::Error) -> bool {
    matches!(
        error.kind.as_ref(),
        mongodb::error::ErrorKind::Command(command) if command.code == 2
    )
}
