//! Why `chatzz dev` does not start.

use std::path::PathBuf;

use crate::{mongod, nats};

/// Why there is no playground. Each is a sentence for the developer.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// No mongod was found or fetched.
    #[error(transparent)]
    Locate(#[from] mongod::LocateError),
    /// The managed mongod does not start.
    #[error(transparent)]
    Mongod(#[from] mongod::StartError),
    /// There is no NATS.
    #[error(transparent)]
    Nats(#[from] nats::NatsError),
    /// The demo users could not be stored.
    #[error("the demo users could not be stored")]
    Users(#[source] mongodb::error::Error),
    /// The demo users cannot be read.
    #[error("fixtures/users.json is not a list of users")]
    Fixture,
    /// Another `chatzz dev` uses the folder.
    #[error(
        "another `chatzz dev` with the folder {} {place}. Use that one, end it, or give this one \
         another folder with --dir",
        dir.display()
    )]
    Running {
        /// The folder.
        dir: PathBuf,
        /// Where it runs, as far as it says.
        place: String,
    },
    /// A folder cannot be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}
