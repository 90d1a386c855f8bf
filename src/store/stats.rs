//! How much there is: only what the database answers at once, whatever its size.

use bson::{Document, doc};

use super::{Error, Store};

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Users who ever took part.
    pub chat_users: u64,
    /// Conversations.
    pub chat_rooms: u64,
    /// Messages.
    pub messages: u64,
    /// Users who are online, as it is written.
    pub online: u64,
}

impl Store {
    /// How much there is, about: by what the database itself counts. Those who are online
    /// are counted by the index `nodes`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn sizes(&self) -> Result<Sizes, Error> {
        let names = &self.names;
        let (chat_users, chat_rooms, messages, online) = futures::try_join!(
            self.estimate(&names.chat_users),
            self.estimate(&names.chat_rooms),
            self.estimate(&names.messages),
            self.count_online(),
        )?;
        Ok(Sizes {
            chat_users,
            chat_rooms,
            messages,
            online,
        })
    }

    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    async fn estimate(&self, name: &str) -> Result<u64, Error> {
        let collection = self.database.collection::<Document>(name);
        self.runner
            .run("store.estimate", async move {
                collection.estimated_document_count().await
            })
            .await
    }

    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    async fn count_online(&self) -> Result<u64, Error> {
        let chat_users = self.database.collection::<Document>(&self.names.chat_users);
        // in these words the index can be used
        let online = doc! { "status": "online", "nodes": { "$gt": "" } };
        self.runner
            .run("store.count_online", async move {
                chat_users.count_documents(online).await
            })
            .await
    }
}
