//! The collections of the npm package chatzz 1.x, and what `chatzz adopt` makes of them.
//!
//! Nothing is rewritten: new collections are filled under names of their own, and take the
//! names of the old ones in the end. The old ones keep their documents and indexes under
//! other names, so that there is a way back.
//!
//! | collection | what it is |
//! |---|---|
//! | `<prefix>adopting_…` | the new chat users, chat rooms and messages, until they are complete |
//! | `<prefix>before_…` | the old ones, afterwards; not with `--into`, where they stay where they are |
//! | `<prefix>adopted_rest` | what could not be taken over, with the reason |

mod insert;
mod kept;
mod look;
mod names;
mod read;
mod rest;
mod state;
mod swap;
mod twins;

use std::future::Future;
use std::time::Duration;

use bson::{Document, RawDocumentBuf, doc};
use mongodb::error::Result as DriverResult;
use mongodb::{Collection, Database};

pub use insert::NewRoom;
pub use look::Look;
pub use names::{Kind, NamesClash};
pub use read::{OldRoom, OldUser, Pair};
pub use rest::{Reason, SetAside, Which};
pub use state::{Phase, State, Totals};
pub use twins::{TwinRooms, Twins};

use super::application_ids::ApplicationIds;
use super::migrate::{MigrateError, Plan};
use super::{Error, SchemaError, Store, durable};
use crate::config::Config;
use names::Places;

/// The longest one step may take, such as building an index on all messages: a day.
const STEP_LIMIT: Duration = Duration::from_hours(24);

/// A database of chatzz 1.x, and the one that it becomes.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The database that it becomes.
    pub store: Store,
    /// The database of chatzz 1.x, which may be the same.
    source: Database,
    places: Places,
    ids: ApplicationIds,
}

impl Adoption {
    /// Of the database `from`, by the configured names of collections, into that of `store`,
    /// which was opened with the same names.
    ///
    /// # Errors
    /// When a configured name is one that the adoption itself needs.
    pub fn new(store: Store, from: &str, config: &Config) -> Result<Self, NamesClash> {
        let places = Places::new(&store.names, &config.mongodb.meta_prefix)?;
        Ok(Self {
            source: store.client.database(from),
            places,
            ids: ApplicationIds::new(config.users.uuid_order),
            store,
        })
    }

    /// The same of another database: a state says which was begun.
    #[must_use]
    pub fn of(&self, source: &str) -> Self {
        Self {
            source: self.store.client.database(source),
            ..self.clone()
        }
    }

    /// Whether the collections are taken over where they are.
    pub fn is_in_place(&self) -> bool {
        self.source.name() == self.store.database.name()
    }

    /// From now on, nothing is written by itself, as it otherwise is after an election.
    pub fn only_read(&self) {
        self.store.runner.close();
    }

    /// The name of the database of chatzz 1.x.
    pub fn source_name(&self) -> &str {
        self.source.name()
    }

    /// Whether there are documents of chatzz 1.x to take over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn is_legacy(&self) -> Result<bool, Error> {
        match self.store.refuse_legacy_in(&self.source).await {
            Ok(()) => Ok(false),
            Err(SchemaError::Database(error)) => Err(error),
            Err(_) => Ok(true),
        }
    }

    /// Finds a collection that is in the way: one with documents of this chatzz, and in
    /// another database one with any.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_in_the_way(&self) -> Result<Option<String>, Error> {
        if self.is_in_place() {
            return self.store.find_own_in(&self.store.database).await;
        }
        let stored = self.count_adopted().await?;
        let mut kinds = Kind::ALL.into_iter();
        let full = kinds.find(|kind| stored.of(*kind) > 0);
        Ok(full.map(|kind| self.places.of(kind).to_owned()))
    }

    /// Finds a collection that is left of an earlier adoption whose state is gone.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_leftover(&self) -> Result<Option<String>, Error> {
        let names = self.names_in(&self.store.database).await?;
        let mut own = self.places.own();
        Ok(own.find(|own| names.contains(own)))
    }

    /// Takes the lock under which databases are migrated, waiting for another owner.
    ///
    /// # Errors
    /// When another process keeps it for two minutes, or the database cannot answer.
    pub async fn lock(&self, owner: &str) -> Result<tokio::task::JoinHandle<()>, MigrateError> {
        self.store.lock(owner).await?;
        Ok(self.store.keep_locked(owner))
    }

    /// Gives the lock up.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn unlock(&self, owner: &str) -> Result<(), Error> {
        self.store.unlock(owner).await
    }

    /// Runs the migrations, which find the collections as they would create them.
    ///
    /// # Errors
    /// Those of [`Store::migrate`].
    pub async fn migrate(&self, owner: &str) -> Result<Plan, MigrateError> {
        self.store.migrate_locked(owner).await
    }

    /// Runs one step to its end.
    async fn step<T: Send + 'static>(
        &self,
        name: &'static str,
        step: impl Future<Output = DriverResult<T>> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.runner.run_within(STEP_LIMIT, name, step).await
    }

    /// An old collection.
    fn old(&self, kind: Kind) -> Collection<RawDocumentBuf> {
        open(&self.source, self.places.of(kind))
    }

    /// A new collection that is not complete.
    fn staged(&self, kind: Kind) -> Collection<RawDocumentBuf> {
        open(&self.store.database, &self.places.staged(kind))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the store")]
fn open(database: &Database, name: &str) -> Collection<RawDocumentBuf> {
    database.collection_with_options(name, durable())
}

/// Runs a command whose effect may be there already; returns whether it is new.
async fn attempt(database: Database, command: Document, there: i32) -> DriverResult<bool> {
    match database.run_command(command).await {
        Ok(_) => Ok(true),
        Err(error) if code(&error) == Some(there) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The code of a refused command.
fn code(error: &mongodb::error::Error) -> Option<i32> {
    match error.kind.as_ref() {
        mongodb::error::ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

/// The write concern of commands.
fn on_a_majority() -> Document {
    doc! { "w": "majority" }
}
