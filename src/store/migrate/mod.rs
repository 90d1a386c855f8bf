//! Numbered changes of the database, each run once and recorded.

mod cursors;
mod list;

use std::fmt;
use std::time::Duration;

use bson::{Bson, Document, doc};

use super::documents::{Listing, by_id};
use super::{Error, MAINTENANCE_LIMIT, SchemaError, Store, messages};
use list::Code;
pub use list::{MIGRATIONS, Migration};

/// What a migration run would do, or did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Migrations that have not run on this database, in order.
    pub migrations: Vec<String>,
    /// Indexes that do not exist yet, as (collection, name).
    pub indexes: Vec<(String, String)>,
    /// Sentences about what to know beforehand, or what was counted.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.indexes.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "the database is up to date");
        }
        for name in &self.migrations {
            writeln!(f, "migration {name}")?;
        }
        for (collection, index) in &self.indexes {
            writeln!(f, "index {index} on {collection}")?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        Ok(())
    }
}

/// Why a migration did not run.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The schema is not one that can be migrated.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A file was changed after it had run.
    #[error(
        "migration {0} was changed after it ran on this database: \
         restore the released file and put the change into a new one"
    )]
    Changed(String),
    /// The database ran a migration that this version does not know.
    #[error(
        "this database was migrated by a newer chatzz (it knows {0}): run that version or newer"
    )]
    Newer(String),
    /// Another process holds the lock.
    #[error("another process is migrating this database and did not finish within {0:?}")]
    Locked(Duration),
    /// A server of another version is running, or crashed a moment ago.
    #[error(
        "a server of another version runs on this database (node {0}): stop every server first; \
         the lease of one that crashed ends by itself within {1:?}"
    )]
    OtherVersion(String, Duration),
    /// The database refused changes of documents, for instance by a validator.
    #[error(
        "the database refused {0} changes in {1}: see the log, and look for a validator there; \
         nothing is lost, and the migration goes on where it stopped"
    )]
    Refused(usize, String),
    /// A migration file is not a list of commands.
    #[error("migration {0} cannot be read")]
    Malformed(&'static str),
}

impl From<Error> for MigrateError {
    fn from(error: Error) -> Self {
        Self::Schema(error.into())
    }
}

/// How long a lock is valid unless renewed, in milliseconds.
const LOCK_MS: i64 = 60_000;
/// How long to wait for another process's migration.
const LOCK_WAIT: Duration = Duration::from_mins(2);
/// How often a lock is renewed while code runs.
const LOCK_RENEWAL: Duration = Duration::from_secs(15);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

impl Store {
    /// Returns what [`Store::migrate`] would do. Writes nothing.
    ///
    /// # Errors
    /// When the database is not one that can be migrated.
    pub async fn plan(&self) -> Result<Plan, MigrateError> {
        let migrations = self.pending_migrations().await?;
        let by_code = MIGRATIONS.iter().filter(|one| one.code.is_some());
        let by_code = by_code.filter(|one| migrations.iter().any(|name| name == one.name));
        let mut notes = Vec::new();
        for migration in by_code {
            // a new database has nothing to lose
            if self.messages.estimate().await? > 0 {
                notes.push(format!(
                    "{} rewrites chat rooms and messages, and there is no way back: \
                     stop every server and back up first",
                    migration.name
                ));
            }
        }
        Ok(Plan {
            indexes: self.missing_indexes().await?,
            migrations,
            notes,
        })
    }

    /// Lists the migrations that have not run on this database, in order.
    ///
    /// # Errors
    /// When the database is not one that can be migrated.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, MigrateError> {
        let records = self.records().await?;
        self.refuse_legacy(!records.is_empty()).await?;
        let mut pending = Vec::new();
        for migration in MIGRATIONS {
            let id = record_id(migration.name);
            match records
                .iter()
                .find(|r| r.get_str("_id").is_ok_and(|found| found == id))
            {
                None => pending.push(migration.name.to_owned()),
                // begun, and not completed
                Some(record) if !record.contains_key("appliedAt") => {
                    pending.push(migration.name.to_owned());
                }
                Some(record) => {
                    let checksum = migration.checksum();
                    if record.get_str("checksum").is_ok_and(|ran| ran != checksum) {
                        return Err(MigrateError::Changed(migration.name.to_owned()));
                    }
                }
            }
        }
        for record in &records {
            let id = record.get_str("_id").unwrap_or_default();
            if !MIGRATIONS.iter().any(|m| record_id(m.name) == id) {
                return Err(MigrateError::Newer(id.to_owned()));
            }
        }
        Ok(pending)
    }

    /// Runs the migrations that have not run and creates missing indexes.
    /// Any number of processes may call this at once: one works, and the others wait and
    /// then find nothing to do. Returns what was done.
    ///
    /// # Errors
    /// When the database is not one that can be migrated.
    pub async fn migrate(&self) -> Result<Plan, MigrateError> {
        if self.plan().await?.is_empty() {
            return Ok(Plan::default());
        }
        let owner = uuid::Uuid::new_v4().to_string();
        self.lock(&owner).await?;
        let done = self.migrate_locked(&owner).await;
        self.unlock(&owner).await?;
        done
    }

    pub(super) async fn migrate_locked(&self, owner: &str) -> Result<Plan, MigrateError> {
        let mut plan = self.plan().await?;
        plan.notes.clear();
        for migration in MIGRATIONS {
            if plan.migrations.iter().any(|name| name == migration.name) {
                self.lock(owner).await?;
                let note = self.run_migration(migration, owner).await?;
                plan.notes.extend(note);
                tracing::debug!(migration = migration.name, "migration done");
            }
        }
        if !plan.indexes.is_empty() {
            self.create_indexes().await?;
        }
        Ok(plan)
    }

    /// Runs one migration, and records it; returns what was counted.
    async fn run_migration(
        &self,
        migration: &Migration,
        owner: &str,
    ) -> Result<Option<String>, MigrateError> {
        let note = match migration.code {
            Some(code) => self.run_code(code, migration, owner).await?,
            None => None,
        };
        for command in self.commands(migration)? {
            let database = self.database.clone();
            self.runner
                .run_within(MAINTENANCE_LIMIT, "migrate.command", async move {
                    match database.run_command(command).await {
                        Err(error) if !already_done(&error) => Err(error),
                        _ => Ok(()),
                    }
                })
                .await?;
        }
        self.record(migration, "appliedAt").await?;
        Ok(note)
    }

    /// Runs the code of a migration, while no other version serves. It is first recorded
    /// as begun, so that a server of an older version refuses to start.
    async fn run_code(
        &self,
        code: Code,
        migration: &Migration,
        owner: &str,
    ) -> Result<Option<String>, MigrateError> {
        // also checked before anything is recorded: a refusal must not lock out the
        // version that still serves
        self.refuse_other_versions().await?;
        self.record(migration, "startedAt").await?;
        let renewal = self.keep_locked(owner);
        let done = self.run_locked(code).await;
        renewal.abort();
        done
    }

    /// Renews the lock until the task is aborted.
    pub(super) fn keep_locked(&self, owner: &str) -> tokio::task::JoinHandle<()> {
        let (store, owner) = (self.clone(), owner.to_owned());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOCK_RENEWAL).await;
                if let Err(error) = store.lock(&owner).await {
                    tracing::warn!(%error, "the lock of the migration was not renewed");
                }
            }
        })
    }

    /// Refuses while a server of another version holds a lease.
    pub(super) async fn refuse_other_versions(&self) -> Result<(), MigrateError> {
        match self.nodes.find_other_version().await? {
            Some(node) => Err(MigrateError::OtherVersion(node.id, self.nodes.lease())),
            None => Ok(()),
        }
    }

    async fn run_locked(&self, code: Code) -> Result<Option<String>, MigrateError> {
        match code {
            Code::Cursors => {
                let done = self.move_to_cursors().await?;
                self.refuse_other_versions().await?;
                // it keeps sends unique before the old one is dropped
                self.create_index(messages::CLIENT_ID).await?;
                Ok(done.note())
            }
        }
    }

    async fn record(&self, migration: &Migration, time: &str) -> Result<(), Error> {
        let id = record_id(migration.name);
        let record = doc! {
            "_id": &id,
            "checksum": migration.checksum(),
            "version": env!("CARGO_PKG_VERSION"),
        };
        let update = vec![doc! { "$replaceWith": {
            "$mergeObjects": [record, { time: "$$NOW" }]
        } }];
        let recorded = self
            .meta
            .update_one("migrate.record", by_id(id), update, true);
        recorded.await.map(drop)
    }

    /// The commands of a file, with the deployment's collection names.
    fn commands(&self, migration: &Migration) -> Result<Vec<Document>, MigrateError> {
        let names = &self.names;
        let text = migration
            .commands
            .replace("${chat_users}", &names.chat_users)
            .replace("${chat_rooms}", &names.chat_rooms)
            .replace("${messages}", &names.messages)
            .replace("${privacies}", &names.privacies)
            .replace("${nodes}", &names.nodes)
            .replace("${events}", &names.events);
        let malformed = || MigrateError::Malformed(migration.name);
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|_| malformed())?;
        let commands = Bson::try_from(json).map_err(|_| malformed())?;
        let Bson::Array(commands) = commands else {
            return Err(malformed());
        };
        commands
            .into_iter()
            .map(|command| match command {
                Bson::Document(command) => Ok(command),
                _ => Err(malformed()),
            })
            .collect()
    }

    async fn records(&self) -> Result<Vec<Document>, Error> {
        let filter = doc! { "_id": { "$regex": "^migration:" } };
        self.meta
            .list("migrate.records", Listing::of(filter, 10_000))
            .await
    }

    /// Takes or renews the lock, waiting for another owner at most [`LOCK_WAIT`].
    pub(super) async fn lock(&self, owner: &str) -> Result<(), MigrateError> {
        let deadline = tokio::time::Instant::now() + LOCK_WAIT;
        let held = vec![doc! { "$set": {
            "owner": owner,
            "expiresAt": { "$add": ["$$NOW", LOCK_MS] },
        } }];
        let mut is_waiting = false;
        loop {
            let mine = doc! { "_id": "lock", "owner": owner };
            let taken = self
                .meta
                .update_one("migrate.lock", mine, held.clone(), true)
                .await;
            match taken {
                Ok(_) => return Ok(()),
                Err(Error::Duplicate { .. }) if is_waiting => {}
                Err(Error::Duplicate { .. }) => {
                    tracing::info!("waiting for another process that changes this database");
                    is_waiting = true;
                }
                Err(other) => return Err(other.into()),
            }
            let expired = doc! {
                "_id": "lock",
                "$expr": { "$lt": ["$expiresAt", "$$NOW"] },
            };
            self.meta
                .delete_one("migrate.lock_expired", expired)
                .await?;
            if tokio::time::Instant::now() >= deadline {
                return Err(MigrateError::Locked(LOCK_WAIT));
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    pub(super) async fn unlock(&self, owner: &str) -> Result<(), Error> {
        let mine = doc! { "_id": "lock", "owner": owner };
        self.meta.delete_one("migrate.unlock", mine).await.map(drop)
    }
}

fn record_id(name: &str) -> String {
    format!("migration:{name}")
}

/// Whether a command failed because its effect already exists: the collection exists
/// (code 48), or the index does not exist (27), or its collection never did (26).
fn already_done(error: &mongodb::error::Error) -> bool {
    matches!(
        error.kind.as_ref(),
        mongodb::error::ErrorKind::Command(command) if matches!(command.code, 26 | 27 | 48)
    )
}
