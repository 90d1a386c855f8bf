//! What a change of an outbox leads to, and offering what waits again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::socket::connection::Connection;

/// First and longest pause before packets are offered again.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// What is to be done once the outbox is unlocked.
#[derive(Clone, Copy, Default)]
pub(super) struct Effect {
    pub(super) overflow: bool,
    pub(super) start: bool,
}

impl Effect {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            overflow: self.overflow || other.overflow,
            start: self.start || other.start,
        }
    }

    pub(super) fn take(self, connection: &Arc<Connection>) {
        if self.overflow {
            tracing::debug!("an outbox overflowed; its connection is closed");
            metrics::counter!("chatzz_outbox_overflows_total").increment(1);
            connection.abort();
        }
        if self.start {
            tokio::spawn(offer_again(Arc::clone(connection)));
        }
    }
}

/// Offers waiting packets until all have left or nothing moves any more.
async fn offer_again(connection: Arc<Connection>) {
    let stall = connection.outbox.lock().bounds.stall;
    let mut pause = FIRST_PAUSE;
    let mut moved = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        let (progress, done) = connection.outbox.lock().drain(&connection);
        if done || connection.is_closed() {
            connection.wake();
            return;
        }
        if progress {
            moved = Instant::now();
            pause = FIRST_PAUSE;
        } else {
            pause = MAX_PAUSE.min(pause * 2);
        }
        if moved.elapsed() > stall {
            tracing::debug!("a socket does not read; its connection is closed");
            metrics::counter!("chatzz_stalled_sockets_total").increment(1);
            connection.outbox.lock().give_up();
            connection.abort();
            return;
        }
    }
}
