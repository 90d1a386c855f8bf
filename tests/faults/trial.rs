//! Trials of asynchronous code.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tokio::runtime::Builder;
use tokio::time::timeout;

/// The longest a trial of the machinery may take.
const LIMIT: Duration = Duration::from_mins(2);

/// A trial that runs `body` in a runtime of its own; it fails by a panic, or after 120 s.
pub(crate) fn trial<F>(name: &str, body: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = ()>,
{
    Trial::test(name, move || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let ended = runtime.block_on(timeout_at_most(body()));
        // A future of the driver may still hold a thread.
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended.map_err(Failed::from)
    })
}

async fn timeout_at_most(body: impl Future<Output = ()>) -> Result<(), String> {
    let ended = timeout(LIMIT, body).await;
    ended.map_err(|_| format!("not done within {LIMIT:?}"))
}
