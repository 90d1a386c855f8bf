//! Why a database could not be checked.

use std::path::PathBuf;

use crate::store::Error;
use crate::store::migrate::MigrateError;

/// A sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database cannot be queried.
    #[error(transparent)]
    Database(#[from] Error),
    /// It is not a database of this chatzz.
    #[error(transparent)]
    Foreign(MigrateError),
    /// The state file cannot be read or written.
    #[error("the state file {} cannot be used ({cause})", .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        cause: std::io::Error,
    },
    /// The state file belongs to another run.
    #[error(
        "the state file {} is of another run ({what} differs): \
         remove it to begin anew",
        .path.display()
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The run was stopped.
    #[error("interrupted{}", if *.resumable { ": the same command goes on from here" } else { "" })]
    Interrupted {
        /// Whether a state file holds its progress.
        resumable: bool,
    },
}
