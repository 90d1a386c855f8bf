//! All chat rooms of one person, however many.

use bson::doc;

use super::{ChatRoom, ChatRooms, Error};
use crate::id::{ChatRoomId, ChatUserId};

impl ChatRooms {
    /// Lists a person's chat rooms in the order of their ids, from one on, or behind it.
    /// Index: `chatUsers_lastMessageAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_of_from(
        &self,
        member: ChatUserId,
        (from, is_included): (ChatRoomId, bool),
        limit: i64,
    ) -> Result<Vec<ChatRoom>, Error> {
        let after = if is_included { "$gte" } else { "$gt" };
        let filter = doc! { "chatUsers": member, "_id": { after: from } };
        self.list_where(filter, limit).await
    }
}
