//! The limits that the sockets of one user or one address share.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Kind;
use super::bucket::{Bucket, Buckets};
use super::slot::{Counter, Slot};
use crate::config::{LimitsConfig, Rate, Rates};

/// Connections of an address for each socket that it may have: over polling, a socket
/// uses two at a time, and so does one that upgrades to websocket.
const CONNECTIONS_PER_SOCKET: usize = 2;

/// The limits that the sockets of one user or one address share.
#[derive(Debug)]
pub(crate) struct Shared {
    buckets: Buckets,
    requests: Bucket,
    sockets: Arc<Counter>,
    connections: Arc<Counter>,
    /// Its one permit is held by the login that is under way.
    login: Arc<Semaphore>,
    touched: Mutex<Instant>,
}

impl Shared {
    pub(super) fn new(
        config: &LimitsConfig,
        scope: impl Fn(&Rates) -> Option<Rate>,
        requests: Option<Rate>,
        sockets: Option<usize>,
    ) -> Self {
        let connections = sockets.map(|most| most * CONNECTIONS_PER_SOCKET);
        Self {
            buckets: Buckets::new(config, scope),
            requests: Bucket::new(requests),
            sockets: Arc::new(Counter::new(sockets)),
            connections: Arc::new(Counter::new(connections)),
            login: Arc::new(Semaphore::new(1)),
            touched: Mutex::new(Instant::now()),
        }
    }

    /// Takes one unit out of a bucket.
    ///
    /// # Errors
    /// How long it takes until there is a unit again.
    pub(crate) fn take(&self, kind: Kind) -> Result<(), Duration> {
        self.buckets.take(kind, "shared")
    }

    /// Counts one HTTP request.
    ///
    /// # Errors
    /// How long it takes until there is a unit again.
    pub(crate) fn take_request(&self) -> Result<(), Duration> {
        self.requests.take().map(drop)
    }

    /// Takes the slot of a socket, if one is free.
    pub(crate) fn enter(&self) -> Option<Slot> {
        self.sockets.enter()
    }

    /// Takes the slot of a TCP connection, if one is free.
    pub(crate) fn connect(&self) -> Option<Slot> {
        self.connections.enter()
    }

    /// Waits until no other login of the user is under way; this one is until the permit is
    /// dropped. `None` never comes to pass.
    pub(crate) async fn begin_login(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.login).acquire_owned().await.ok()
    }

    pub(super) fn touch(&self) {
        *self.touched.lock() = Instant::now();
    }

    /// Whether nobody has held this for so long.
    pub(super) fn is_idle(shared: &Arc<Self>, now: Instant, longest: Duration) -> bool {
        let held = Arc::strong_count(shared) > 1
            || Arc::strong_count(&shared.sockets) > 1
            || Arc::strong_count(&shared.connections) > 1
            || Arc::strong_count(&shared.login) > 1;
        if held {
            *shared.touched.lock() = now;
        }
        now.duration_since(*shared.touched.lock()) > longest
    }
}
