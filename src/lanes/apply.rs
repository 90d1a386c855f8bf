//! One receipt on its way into the database, tried until its deadline.

use tokio::time::Instant;

use super::command::LaneError;
use super::lane::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::id::MessageId;
use crate::store::messages::{Change, Ends, Step};
use crate::store::{Error, Message, Store};

/// One change on its way into the database.
pub(super) struct Job {
    pub(super) change: Change,
    /// The message asked about, if the answer is that message.
    pub(super) one: Option<MessageId>,
    /// What moves, if the asker knows.
    pub(super) known: Option<Ends>,
    pub(super) deadline: Instant,
}

/// What became of a [`Job`].
pub(super) struct Done {
    /// What moved, ascending; more than one part around what is withheld.
    pub(super) moved: Vec<Part>,
    /// The message asked about, when nothing moved.
    pub(super) unmoved: Option<Message>,
}

/// Messages that moved, and may be told of as a range.
pub(super) struct Part {
    pub(super) ends: Ends,
    pub(super) count: u64,
}

/// Applies one change, again and again until the database says it did. With an
/// unknown outcome come the ends of what may have moved.
pub(super) async fn apply(store: &Store, job: &Job) -> (Result<Done, LaneError>, Option<Ends>) {
    if job.deadline <= Instant::now() {
        return (Err(LaneError::Unavailable), None);
    }
    let mut progress = Progress {
        ends: job.known.clone(),
        attempted: false,
    };
    let applied = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match try_apply(store, job, &mut progress).await {
                Ok(done) => return Ok(done),
                Err(error) if error.is_transient() => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "receipt is retried"
                    );
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "receipt refused");
                    return Err(LaneError::Internal);
                }
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    };
    match tokio::time::timeout_at(job.deadline, applied).await {
        Ok(outcome) => (outcome, None),
        Err(_) if progress.attempted => (Err(LaneError::UnknownOutcome), progress.ends),
        Err(_) => (Err(LaneError::Unavailable), None),
    }
}

/// What is known of a change that is not done yet.
struct Progress {
    ends: Option<Ends>,
    attempted: bool,
}

async fn try_apply(store: &Store, job: &Job, progress: &mut Progress) -> Result<Done, Error> {
    let messages = &store.messages;
    if progress.ends.is_none() && job.change.first <= job.change.last {
        progress.ends = messages.find_ends(job.change).await?;
    }
    let Some(ends) = &progress.ends else {
        let unmoved = match job.one {
            Some(id) => messages.find(id).await?,
            None => None,
        };
        return Ok(Done {
            moved: Vec::new(),
            unmoved,
        });
    };
    let repeated = std::mem::replace(&mut progress.attempted, true);
    let mut count = messages.apply(job.change).await?;
    if repeated {
        count = messages.count_applied(job.change).await?;
    }
    if count == 0 {
        // another process was first
        let unmoved = messages.find(ends.newest.id).await?;
        return Ok(Done {
            moved: Vec::new(),
            unmoved,
        });
    }
    let whole = is_whole(ends, count);
    let ends = if job.known.is_some() && !whole {
        // read a while ago: some may have been moved since
        let moved = messages.find_moved(job.change).await?;
        moved.unwrap_or_else(|| ends.clone())
    } else {
        ends.clone()
    };
    Ok(Done {
        moved: parts(store, job.change, ends, count).await?,
        unmoved: None,
    })
}

/// Whether everything from one end to the other moved.
fn is_whole(ends: &Ends, count: u64) -> bool {
    u64::try_from(ends.newest.seq - ends.oldest + 1) == Ok(count)
}

/// Cuts what moved around what is withheld: a range tells of every message of the
/// sender in it, and those stay unread.
pub(super) async fn parts(
    store: &Store,
    change: Change,
    ends: Ends,
    count: u64,
) -> Result<Vec<Part>, Error> {
    if change.step == Step::Sent || is_whole(&ends, count) {
        return Ok(vec![Part { ends, count }]);
    }
    let messages = &store.messages;
    let (oldest, newest) = (ends.oldest, ends.newest.seq);
    let withheld = messages.list_withheld(change.room, oldest, newest).await?;
    if withheld.is_empty() {
        return Ok(vec![Part { ends, count }]);
    }
    let mut parts = Vec::new();
    let mut first = oldest;
    for end in withheld.into_iter().chain([newest + 1]) {
        let last = end - 1;
        let part = Change {
            first,
            last,
            ..change
        };
        first = end + 1;
        if part.first <= last
            && let Some(ends) = messages.find_moved(part).await?
        {
            let count = messages.count_applied(part).await?;
            parts.push(Part { ends, count });
        }
    }
    Ok(parts)
}
