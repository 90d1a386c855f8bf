//! How far an adoption has got: one document beside the records of the migrations.

use bson::{DateTime, Document, doc};
use mongodb::Database;
use serde::{Deserialize, Serialize};

use super::{Adoption, Kind, Look};
use crate::store::documents::by_id;
use crate::store::elections::PROBE;
use crate::store::{Error, SchemaError, Store};

/// The `_id` of the document.
const ID: &str = "adopt";

/// Where an adoption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// The new collections are being filled.
    Copy,
    /// They are complete, and take the names of the old ones.
    Swap,
    /// The server may start.
    Done,
    /// Everything is being put back.
    Undo,
}

/// How many documents of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Chat users.
    pub chat_users: u64,
    /// Chat rooms.
    pub chat_rooms: u64,
    /// Messages.
    pub messages: u64,
}

impl Totals {
    /// The number of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::ChatUsers => self.chat_users,
            Kind::ChatRooms => self.chat_rooms,
            Kind::Messages => self.messages,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::ChatUsers => &mut self.chat_users,
            Kind::ChatRooms => &mut self.chat_rooms,
            Kind::Messages => &mut self.messages,
        }
    }
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Where it stands.
    pub phase: Phase,
    /// Where it stood when a way back began, until it is known that nothing would be lost.
    #[serde(default)]
    pub undone_from: Option<Phase>,
    /// The database of chatzz 1.x.
    pub source: String,
    /// What was there when it began.
    pub look: Look,
    /// Configured collections that were there before it began: a way back leaves them.
    pub existed: Vec<String>,
    /// When it began.
    pub started_at: DateTime,
    /// What there is afterwards, once that is counted.
    #[serde(default)]
    pub kept: Totals,
    /// Unread messages below one that was read, which have become read.
    #[serde(default)]
    pub became_read: u64,
    /// Chat users whose user the application does not have.
    #[serde(default)]
    pub users_gone: u64,
}

impl Adoption {
    /// Finds the state of an adoption that has begun in this database.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_state(&self) -> Result<Option<State>, Error> {
        self.store.find_adoption().await
    }

    /// Stores the state.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn save(&self, state: &State) -> Result<(), Error> {
        let state = bson::serialize_to_document(state).unwrap_or_default();
        let update = doc! { "$set": state };
        let saved = self
            .store
            .meta
            .update_one("adopt.save", by_id(ID), update, true);
        saved.await.map(drop)
    }

    /// Removes the state.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub(super) async fn remove_state(&self) -> Result<(), Error> {
        let removed = self.store.meta.delete_one("adopt.remove_state", by_id(ID));
        removed.await.map(drop)
    }

    /// Lists those of the configured collections that exist and that a way back has to leave.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_existing(&self) -> Result<Vec<String>, Error> {
        let mut names = self.names_in(&self.store.database).await?;
        // those of another database are not touched, and those in the way are empty
        let kinds = Kind::ALL.into_iter().filter(|_| self.is_in_place());
        let kinds: Vec<&str> = kinds.map(|kind| self.places.of(kind)).collect();
        names.retain(|name| kinds.contains(&name.as_str()) || self.places.others.contains(name));
        // a lock is our own, and so is the write after an election
        let more = doc! { "_id": { "$nin": ["lock", PROBE] } };
        if self
            .store
            .meta
            .find_one("adopt.find_records", more)
            .await?
            .is_none()
        {
            names.retain(|name| *name != self.store.names.meta);
        }
        Ok(names)
    }

    /// The names of all collections of one of the two databases.
    pub(super) async fn names_in(&self, database: &Database) -> Result<Vec<String>, Error> {
        let database = database.clone();
        let names = async move { database.list_collection_names().await };
        self.step("adopt.collections", names).await
    }
}

impl Store {
    pub(super) async fn find_adoption(&self) -> Result<Option<State>, Error> {
        let found: Option<Document> = self.meta.find_one("adopt.find", by_id(ID)).await?;
        let state = found.map(bson::deserialize_from_document).transpose();
        state.map_err(|_| Error::Abandoned)
    }

    /// Refuses a database in which an adoption has begun and has not ended.
    ///
    /// # Errors
    /// [`SchemaError::AdoptionUnfinished`], or when the database cannot answer.
    pub async fn refuse_unfinished_adoption(&self) -> Result<(), SchemaError> {
        match self.find_adoption().await? {
            Some(state) if state.phase != Phase::Done => Err(SchemaError::AdoptionUnfinished),
            _ => Ok(()),
        }
    }
}
