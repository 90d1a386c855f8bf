//! The folder of a managed mongod.

use std::fs::{self, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::start_error::StartError;

/// How long the documents may still be held by a predecessor, whose parent was killed a moment ago.
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(5);

/// Waits until no mongod holds the lock of `db_path`, as mongod itself takes it.
pub(super) async fn until_unlocked(db_path: &Path) -> Result<(), StartError> {
    let lock_path = db_path.join("mongod.lock");
    let lock = match fs::File::open(&lock_path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(folder_error(&lock_path)(error)),
    };
    let deadline = Instant::now() + PREDECESSOR_LIMIT;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(folder_error(&lock_path)(error)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                sleep(Duration::from_millis(50)).await;
            }
            Err(TryLockError::WouldBlock) => return Err(in_use(db_path)),
        }
    }
}

/// Returns the error that names the process which mongod's lock file notes.
pub(super) fn in_use(db_path: &Path) -> StartError {
    let noted = fs::read_to_string(db_path.join("mongod.lock")).ok();
    let pid = noted.and_then(|text| text.trim().parse().ok());
    StartError::DbPathInUse {
        db_path: db_path.to_owned(),
        pid,
    }
}

/// Puts the log of the last run aside, in place of that of the run before.
pub(super) fn keep_old_log(log: &Path) -> Result<(), StartError> {
    match fs::rename(log, log.with_extension("log.old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(folder_error(log)(error)),
        _ => Ok(()),
    }
}

pub(super) fn folder_error(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Folder {
        path: path.to_owned(),
        source,
    }
}
