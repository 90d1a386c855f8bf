//! Why `chatzz dev` does not start.

use std::path::PathBuf;

use crate::mongod;

/// Why there is no playground. Each is a sentence for the developer.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// No mongod was found or fetched.
    #[error(transparent)]
    Locate(#[from] mongod::LocateError),
    /// The managed mongod does not start.
    #[error(transparent)]
    Mongod(#[from] mongod::StartError),
    /// The demo users could not be stored.
    #[error("the demo users could not be stored")]
    Users(#[source] mongodb::error::Error),
    /// The demo users cannot be read.
    #[error("fixtures/users.json is not a list of users")]
    Fixture,
    /// A folder cannot be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}
