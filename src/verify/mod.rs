//! Checks a live database, and mends what can be derived.
//!
//! One pass over the chat users, one over chat rooms and messages side by side,
//! each in index order and in bounded memory. What a sound unique index refuses
//! is not looked for again; where that index is missing, one more pass sorts
//! the documents on the database's disk.
//!
//! Safe beside a running server: what may be a race with its writes is a
//! *suspect*, looked at again after a pause ([`Options::pause`], then twice and
//! four times as long for what is written behind) and reported only if it
//! stands. Everything is read from a majority. Without [`Options::repair`]
//! nothing is written; with it every write names the state that was seen, so
//! that a newer one is never overwritten.

mod bar;
mod count;
mod duplicates;
mod error;
mod look;
mod people;
mod report;
mod room;
mod rooms;
mod run;
mod schema;
mod state;
mod suspect;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use bar::bar;
pub use error::VerifyError;
pub use report::{Check, Checked, Count, Finding, Report, Severity};

use crate::clock::Clock;
use crate::store::Store;

/// How to check.
#[derive(Clone)]
pub struct Options {
    /// Whether to mend what can be derived; nothing is written otherwise.
    pub repair: bool,
    /// Where an interrupted run leaves how far it got, and the next goes on;
    /// removed by a run that comes to its end. Default: nowhere.
    pub state: Option<PathBuf>,
    /// The pause before a suspect is looked at again, 500 ms.
    pub pause: Duration,
    /// How often the state is written, 10 s.
    pub save_every: Duration,
    /// Ends the run early, with [`VerifyError::Interrupted`].
    pub stop: CancellationToken,
    /// Is told now and then how far the run is.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    /// Tells the time the report begins with.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            repair: false,
            state: None,
            pause: Duration::from_millis(500),
            save_every: Duration::from_secs(10),
            stop: CancellationToken::new(),
            progress: Arc::new(|_| {}),
            clock: Clock::System,
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What was checked so far.
    pub checked: Checked,
    /// About how many messages there are.
    pub messages: u64,
}

/// Checks a database.
///
/// # Errors
/// When the database cannot be read, the state file cannot be used, or the run
/// was interrupted.
pub async fn run(store: &Store, options: &Options) -> Result<Report, VerifyError> {
    run::Run::begin(store, options).await?.finish().await
}
