//! Checks a live database, and repairs what can be derived.
//!
//! One pass over the chat users, one over chat rooms and messages in parallel, each in
//! index order and in bounded memory. Duplicates that an intact unique index refuses are
//! not searched for; where that index is missing, one more pass sorts the documents on
//! the database's disk.
//!
//! Safe beside a running server: a difference that may be a race with its writes is a
//! *suspect*, checked again after a pause ([`Options::pause`], then twice and four times
//! as long for data that is written behind) and reported only if it remains. Everything
//! is read from a majority. Without [`Options::repair`] nothing is written; with it every
//! write names the state that was seen, so that a newer one is never overwritten.

mod count;
mod duplicates;
mod error;
mod log;
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

pub use error::VerifyError;
pub use report::{Check, Checked, Count, Finding, Report, Severity};

use crate::clock::Clock;
use crate::store::Store;

/// The options of a check.
#[derive(Clone)]
pub struct Options {
    /// Whether to repair what can be derived; nothing is written otherwise.
    pub repair: bool,
    /// The file in which an interrupted run saves its progress, and from which the next
    /// one resumes; removed by a run that completes. Default: none.
    pub state: Option<PathBuf>,
    /// The pause before a suspect is checked again, 500 ms.
    pub pause: Duration,
    /// How often the state is written, 10 s.
    pub save_every: Duration,
    /// Ends the run early, with [`VerifyError::Interrupted`].
    pub stop: CancellationToken,
    /// Called now and then with the progress of the run.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    /// The clock for the time at the beginning of the report.
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

/// The progress of a run.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What was checked so far.
    pub checked: Checked,
    /// Approximately how many messages exist.
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
