//! What was imported before.

use std::collections::HashMap;

use bson::{Document, doc};

use super::{Error, Messages};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::documents::Listing;

impl Messages {
    /// Lists the messages that senders stored under these client ids in chat rooms. Index:
    /// `chatRoom_from_clientId`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_by_keys(
        &self,
        keys: HashMap<(ChatRoomId, ChatUserId), Vec<String>>,
    ) -> Result<Vec<Message>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let limit: usize = keys.values().map(Vec::len).sum();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let of_sender = |((room, from), keys): ((ChatRoomId, ChatUserId), Vec<String>)| {
            doc! { "chatRoom": room, "from": from, "clientId": { "$in": keys } }
        };
        let all: Vec<Document> = keys.into_iter().map(of_sender).collect();
        let listing = Listing::of(doc! { "$or": all }, limit);
        self.documents.list("messages.list_by_keys", listing).await
    }
}
