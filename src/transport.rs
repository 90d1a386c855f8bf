//! The way to close one TCP connection from elsewhere.

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Found in the extensions of the requests that came over the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transport(CancellationToken);

impl Transport {
    /// Closes the connection: reads and writes fail from now on.
    pub(crate) fn close(&self) {
        self.0.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves once the connection was closed.
    pub(crate) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }
}
