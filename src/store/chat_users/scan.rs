//! Reading all chat users, for `chatzz verify`.

use bson::{RawBsonRef, RawDocument, RawDocumentBuf, doc};

use super::{ChatUsers, texts};
use crate::id::{ChatUserId, UserId};
use crate::store::error::Error;
use crate::store::scan::{self, Query, Scan};

/// A chat user, in whatever form it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannedUser {
    /// Its `_id`; `None` unless it is an id.
    pub id: Option<ChatUserId>,
    /// The person's id in the application.
    pub user: Option<UserId>,
    /// Whether the person is stored as online.
    pub online: bool,
    /// The nodes it names.
    pub nodes: Vec<String>,
}

impl ScannedUser {
    fn read(document: &RawDocument) -> Self {
        let field = |name| document.get(name).ok().flatten();
        Self {
            id: field("_id").and_then(ChatUserId::from_raw),
            user: field("user").and_then(UserId::from_raw),
            online: field("status").and_then(RawBsonRef::as_str) == Some("online"),
            nodes: field("nodes").map(texts).unwrap_or_default(),
        }
    }
}

impl ChatUsers {
    /// Reads all chat users after one, by `_id`. Index: `_id_`.
    pub fn scan(&self, after: Option<ChatUserId>) -> Scan<ScannedUser> {
        let ids = scan::after(after);
        let query = Query {
            filter: doc! { "_id": ids },
            sort: doc! { "_id": 1 },
            ..Query::default()
        };
        Scan::start(&self.documents, query, ScannedUser::read)
    }

    /// Finds a chat user, in whatever form it is stored. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_scanned(&self, id: ChatUserId) -> Result<Option<ScannedUser>, Error> {
        self.documents
            .run("chat_users.find_scanned", |collection| async move {
                let collection = collection.clone_with_type::<RawDocumentBuf>();
                let found = collection.find_one(doc! { "_id": id }).await?;
                Ok(found.map(|found| ScannedUser::read(&found)))
            })
            .await
    }
}
