//! A chat user who is erased stays, as the other side of its chat rooms, and says nothing of
//! whom it was.

use bson::{Bson, doc};

use super::{ChatUser, ChatUsers, Error};
use crate::id::{ChatUserId, UserId};
use crate::store::documents::by_id;

impl ChatUsers {
    /// Gives a chat user a name of its own; can be repeated. Returns it as it was.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn rename_erased(&self, id: ChatUserId) -> Result<Option<ChatUser>, Error> {
        let before = self.list(&[id]).await.map_err(Error::before_writing)?;
        let rename = doc! { "$set": { "user": UserId::erased(id) } };
        let name = "chat_users.rename_erased";
        self.documents
            .update_one(name, by_id(id), rename, false)
            .await?;
        Ok(before.into_iter().next())
    }

    /// Removes when a chat user who is erased was last here; not while they are online
    /// somewhere. Returns whether it did.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn forget_presence(&self, id: ChatUserId) -> Result<bool, Error> {
        let gone = doc! { "_id": id, "nodes.0": { "$exists": false } };
        let forget = doc! {
            "$set": { "status": "offline", "lastOnline": Bson::Null },
            "$unset": { "changedAt": "", "changedBy": "" },
        };
        self.documents
            .update_one("chat_users.forget_presence", gone, forget, false)
            .await
            .map(|matched| matched == 1)
    }
}
