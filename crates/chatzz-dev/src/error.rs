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
    /// What comes with the program cannot be read.
    #[error("fixtures/{0} cannot be read")]
    Fixture(&'static str),
    /// The database of chatzz 1.x could not be stored.
    #[error("the database of chatzz 1.x could not be stored")]
    Old(#[source] mongodb::error::Error),
    /// There is something where a database of chatzz 1.x is to be stored.
    #[error(
        "the folder {} has a database of an earlier run: add --fresh, which deletes it, or choose another \
         folder with --dir",
        dir.display()
    )]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
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
