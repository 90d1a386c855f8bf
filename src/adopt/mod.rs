//! Takes over a database of the npm package chatzz 1.x.
//!
//! New collections are filled beside the old ones, which nobody changes, and take their names
//! when everything is counted. So a run can be killed at any moment and goes on, and there is
//! a way back until the first new message.
//!
//! | part | what it does |
//! |---|---|
//! | `people` | chat users |
//! | `pairs` | two people's chat rooms become one, and their messages are numbered |
//! | `strays` | what has no place is set aside |
//! | `survey` | counts all of this, and writes nothing |

mod conversation;
mod error;
mod pairs;
mod people;
mod report;
mod run;
mod strays;
mod survey;
mod undo;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use error::AdoptError;
pub use report::{Outcome, Report};

use crate::clock::Clock;
use crate::store::adopt::{Adoption, Kind};

/// The options of a run.
#[derive(Clone)]
pub struct Options {
    /// Whether to count only, and to write nothing; also beside a running chatzz 1.x.
    pub dry_run: bool,
    /// How long between the two looks that tell whether chatzz 1.x still writes, 5 s.
    pub watch: Duration,
    /// Ends the run early, with [`AdoptError::Interrupted`].
    pub stop: CancellationToken,
    /// Called with the progress of the run.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    /// The clock for the time of the beginning.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dry_run: false,
            watch: Duration::from_secs(5),
            stop: CancellationToken::new(),
            progress: Arc::new(|_| {}),
            clock: Clock::System,
        }
    }
}

/// The progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What has just been done.
    pub step: Step,
    /// Messages so far.
    pub messages: u64,
    /// Messages of chatzz 1.x.
    pub all: u64,
}

/// A step that is done; a run that is killed after it goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nobody writes, and the adoption is recorded.
    Begun,
    /// The new collections exist.
    Prepared,
    /// Some chat users.
    People,
    /// Some chat rooms with their messages.
    Rooms,
    /// What has no place is set aside.
    Strays,
    /// Everything is counted.
    Counted,
    /// A new collection has its name.
    Swapped(Kind),
    /// An old collection has its name back.
    PutBack(Kind),
    /// The server may start.
    Done,
}

/// Takes over a database, or goes on with it.
///
/// # Errors
/// With a sentence for the operator. Until all is counted, nothing was changed in the old
/// collections but for an index, which is removed in the end.
pub async fn run(adoption: &Adoption, options: &Options) -> Result<Report, AdoptError> {
    let adoption = begun(adoption).await?;
    run::Run::new(&adoption, options).run().await
}

/// Goes back to what there was before the adoption.
///
/// # Errors
/// When new messages were stored since, a server runs, or the database cannot be reached.
pub async fn undo(adoption: &Adoption, options: &Options) -> Result<Report, AdoptError> {
    let adoption = begun(adoption).await?;
    undo::undo(&adoption, options).await
}

/// The adoption that has begun in the database. Where the configuration names that database
/// only, as that of a server does, it is found by what is recorded there.
async fn begun(adoption: &Adoption) -> Result<Adoption, AdoptError> {
    let state = adoption.find_state().await?;
    let source = state.filter(|_| adoption.is_in_place());
    Ok(source.map_or_else(|| adoption.clone(), |state| adoption.of(&state.source)))
}
