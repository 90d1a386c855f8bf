//! One process at a time, by a lock file.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::Progress;

/// How often a lock that another process holds is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Takes the lock file at `path`, waiting for as long as another process holds it.
///
/// The lock is free again when the returned file is dropped or this process ends in any way; the
/// file itself stays. `waiting_for` is reported once if the lock is not free at once.
///
/// # Errors
/// When the file cannot be created or the file system does not support locks.
pub(super) async fn acquire(
    path: &Path,
    waiting_for: &str,
    progress: Progress<'_>,
) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    let mut reported = false;
    // Polled rather than awaited on a blocking thread: such a thread could not be cancelled, and
    // Ctrl-C would hang until the other process is done.
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !reported {
                    progress(waiting_for);
                    reported = true;
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_held_lock_is_waited_for_and_reported_once() {
        let path = std::env::temp_dir().join(format!("chatzz-lock-{}", uuid::Uuid::new_v4()));
        let held = acquire(&path, "waiting", &|_| {}).await.unwrap();
        let reports = AtomicUsize::new(0);
        let progress = |_: &str| {
            reports.fetch_add(1, Ordering::Relaxed);
        };

        let refused =
            tokio::time::timeout(RETRY_INTERVAL * 3, acquire(&path, "waiting", &progress)).await;
        assert!(refused.is_err(), "the lock was given twice");
        assert_eq!(reports.load(Ordering::Relaxed), 1);

        // a child that is just being started has what is only dropped
        held.unlock().unwrap();
        acquire(&path, "waiting", &progress).await.unwrap();
        assert_eq!(reports.load(Ordering::Relaxed), 1);
        std::fs::remove_file(path).unwrap();
    }
}
