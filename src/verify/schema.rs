//! Indexes and migrations.

use super::run::Run;
use super::{Check, Finding, VerifyError};
use crate::store::migrate::MigrateError;
use crate::store::{Error, SchemaError};

impl Run<'_> {
    /// Compares the indexes; remembers which are reliable.
    pub(super) async fn indexes(&mut self) -> Result<(), VerifyError> {
        let mut state = self.store.index_state().await?;
        if !state.missing.is_empty() {
            // a server may be starting
            tokio::time::sleep(self.options.pause).await;
            state = self.store.index_state().await?;
        }
        self.sound = state.sound;
        if self.is_past_schema() {
            return Ok(());
        }
        for (collection, name) in state.missing {
            let mut finding = Finding::new(Check::Index, "the index is missing")
                .of("collection", collection)
                .of("index", &name);
            if self.options.repair {
                match self.store.create_index(&name).await {
                    Ok(()) => {
                        finding.repaired = Some(true);
                        self.sound.push(name);
                    }
                    Err(error) if error.is_transient() => return Err(error.into()),
                    Err(error) => finding.detail = format!("{}: {}", finding.detail, why(&error)),
                }
            }
            self.report_finding(finding);
        }
        for drift in state.drifted {
            let detail = "the index differs from its declaration: drop it, then repair";
            let finding = Finding::new(Check::Index, detail)
                .of("collection", drift.collection)
                .of("index", drift.index);
            self.report_finding(finding);
        }
        Ok(())
    }

    /// Compares the migrations that have run with those that exist. Refuses a database of
    /// chatzz 1.x, and to repair one of another version.
    pub(super) async fn migrations(&mut self) -> Result<(), VerifyError> {
        let pending = match self.store.pending_migrations().await {
            Ok(pending) => pending,
            // what another version derives may be something else
            Err(error @ (MigrateError::Changed(_) | MigrateError::Newer(_)))
                if !self.options.repair =>
            {
                self.report_finding(Finding::new(Check::Migrations, error.to_string()));
                return Ok(());
            }
            Err(MigrateError::Schema(SchemaError::Database(error))) => return Err(error.into()),
            Err(error) => return Err(VerifyError::Foreign(error)),
        };
        for name in pending {
            let detail = "the migration has not run: run `chatzz migrate`";
            self.report_finding(Finding::new(Check::Migrations, detail).of("migration", name));
        }
        Ok(())
    }
}

/// Why an index could not be created.
fn why(error: &Error) -> String {
    match error {
        Error::Duplicate { .. } => "it cannot be created while there are duplicates".to_owned(),
        other => format!("it could not be created ({other})"),
    }
}
