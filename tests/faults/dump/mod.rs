//! The database after a run, as the checker reads it.

mod shape;
mod trials;

use std::collections::HashMap;
use std::fmt::Write as _;

use bson::{Bson, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria};
use mongodb::{Client, Cursor, Database};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::history::Dump;

use shape::{StoredMessage, StoredRoom, StoredUser};
pub(crate) use trials::trials;

/// Reads the collections `<prefix>users`, `<prefix>rooms` and `<prefix>messages` (prefix `chat` by
/// default) as a majority has them, in the order of `_id`.
///
/// # Errors
/// When the database cannot answer, or a document lacks a field.
pub(crate) async fn dump(uri: &str, database: &str, prefix: &str) -> mongodb::error::Result<Dump> {
    let open = Client::with_uri_str(uri).await?.database(database);
    let users: Vec<StoredUser> = all(&open, &format!("{prefix}users")).await?;
    let rooms: Vec<StoredRoom> = all(&open, &format!("{prefix}rooms")).await?;
    let messages: Vec<StoredMessage> = all(&open, &format!("{prefix}messages")).await?;
    let by_id: HashMap<String, &StoredRoom> = rooms.iter().map(|room| (room.id(), room)).collect();
    let messages = messages.into_iter().map(|message| message.shown(&by_id));
    Ok(Dump {
        chat_users: users.into_iter().map(Into::into).collect(),
        messages: messages.collect(),
        chat_rooms: rooms.into_iter().map(Into::into).collect(),
    })
}

/// Hashes the application's `users`: SHA-256 of all documents' bytes in the order of `_id`, in hex.
///
/// # Errors
/// When the database cannot answer.
pub(crate) async fn users_hash(uri: &str, database: &str) -> mongodb::error::Result<String> {
    let open = Client::with_uri_str(uri).await?.database(database);
    let mut cursor: Cursor<RawDocumentBuf> = find(&open, "users").await?;
    let mut hash = Sha256::new();
    while let Some(user) = cursor.try_next().await? {
        hash.update(user.as_bytes());
    }
    let mut hex = String::new();
    for byte in hash.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

async fn all<T>(database: &Database, name: &str) -> mongodb::error::Result<Vec<T>>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    find(database, name).await?.try_collect().await
}

#[expect(clippy::disallowed_methods, reason = "a dump looks into the database")]
async fn find<T>(database: &Database, name: &str) -> mongodb::error::Result<Cursor<T>>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
    database
        .collection::<T>(name)
        .find(doc! {})
        .sort(doc! { "_id": 1 })
        .read_concern(ReadConcern::majority())
        .selection_criteria(primary)
        .await
}

/// An id as it is on the wire.
fn id(id: &Bson) -> String {
    match id {
        Bson::ObjectId(id) => id.to_hex(),
        Bson::String(text) => text.clone(),
        other => other.to_string(),
    }
}
