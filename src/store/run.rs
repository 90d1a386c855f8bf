//! Runs one driver operation to its end, with a name, a span and a time limit.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::error::Result as DriverResult;
use tracing::Instrument as _;

use super::elections::Elections;
use super::error::Error;

/// Runs operations; every collection has a copy.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    limit: Duration,
    elections: Arc<Elections>,
}

impl Runner {
    /// Operations time out after `limit`.
    pub(super) fn new(limit: Duration, elections: Arc<Elections>) -> Self {
        Self { limit, elections }
    }

    /// From now on, nothing is written after an election.
    pub(super) fn close(&self) {
        self.elections.close();
    }

    /// Like [`Runner::run`], for reads: everything that `read` starts sees what was
    /// acknowledged before it, whichever node is primary by then.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub(crate) async fn read<T: Send + 'static, F>(
        &self,
        name: &'static str,
        read: impl Fn() -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        F: Future<Output = DriverResult<T>> + Send + 'static,
    {
        let (elections, limit) = (Arc::clone(&self.elections), self.limit);
        let read = async move {
            loop {
                let Some(before) = elections.settled(limit).await else {
                    return Ok(None);
                };
                let found = read().await?;
                if elections.last() == before {
                    return Ok(Some(found));
                }
            }
        };
        // boxed: it is moved into a task anyway, and every caller's future contains it
        self.run(name, Box::pin(read))
            .await?
            .ok_or(Error::TimedOut(self.limit))
    }

    /// Runs `operation` and waits for it at most the runner's limit.
    ///
    /// The operation gets a task of its own and is never dropped half-way: the driver's
    /// pool keeps a connection for ever when a future is cancelled. Only the waiting
    /// times out.
    ///
    /// # Errors
    /// Those of the operation, or [`Error::TimedOut`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        operation: impl Future<Output = DriverResult<T>> + Send + 'static,
    ) -> Result<T, Error> {
        self.run_within(self.limit, name, operation).await
    }

    /// Like [`Runner::run`], with a limit of its own.
    ///
    /// # Errors
    /// Those of the operation, or [`Error::TimedOut`].
    pub(crate) async fn run_within<T: Send + 'static>(
        &self,
        limit: Duration,
        name: &'static str,
        operation: impl Future<Output = DriverResult<T>> + Send + 'static,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let span = tracing::debug_span!("db", operation = name);
        let task = tokio::spawn(operation.instrument(span));
        let outcome = match tokio::time::timeout(limit, task).await {
            Ok(Ok(result)) => result.map_err(Error::from),
            Ok(Err(_)) => Err(Error::Abandoned),
            Err(_) => Err(Error::TimedOut(limit)),
        };
        metrics::histogram!("chatzz_database_seconds", "operation" => name)
            .record(started.elapsed().as_secs_f64());
        outcome
    }
}
