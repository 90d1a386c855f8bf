//! Events, pushed to the application: each is posted until it is taken.
//!
//! One server pushes, the one that has the lease. It reads the log of events, and notes up to
//! where everything was taken or set aside; whoever takes over begins there, so that what was
//! taken since comes once more.
//!
//! | what fails | what happens |
//! |---|---|
//! | one event, while others are taken | it is tried again a few times, and then set aside as a letter, with what follows in its chat room |
//! | every event | the receiver counts as down: one is tried at a time, and the log waits |
//! | a letter | it is tried for three days, less and less often; then it is dead, and waits to be asked for |

mod aside;
mod holding;
mod receiver;
mod window;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{EventType, EventsConfig};
use crate::operator::Operator;
use crate::store::Pushes;
use holding::Holding;
use receiver::Receiver;

/// Pushes events while this server has the lease.
pub(crate) struct Pusher {
    operator: Operator,
    pushes: Pushes,
    receiver: Arc<Receiver>,
    types: Vec<EventType>,
    clock: Clock,
    /// The run of this server that takes the lease.
    boot: String,
}

impl Pusher {
    /// One that pushes to where the configuration says; `None` if it says nothing.
    pub(crate) fn new(
        config: &EventsConfig,
        operator: Operator,
        pushes: Pushes,
    ) -> reqwest::Result<Option<Self>> {
        let clock = operator.clock().clone();
        let receiver = Receiver::new(config, clock.clone())?;
        Ok(receiver.map(|receiver| Self {
            operator,
            pushes,
            receiver: Arc::new(receiver),
            types: config.types.clone(),
            clock,
            boot: uuid::Uuid::new_v4().to_string(),
        }))
    }

    /// Pushes whenever it has the lease, until cancelled.
    pub(crate) async fn run(self: Box<Self>, cancelled: CancellationToken) {
        tracing::info!(url = %self.receiver.url(), "events are pushed");
        let pause = self.pushes.lease() / 3;
        while !cancelled.is_cancelled() {
            if let Err(error) = self.hold(&cancelled).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "pushing events waits");
            }
            Self::report_nothing();
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = tokio::time::sleep(pause.max(Duration::from_millis(100))) => {}
            }
        }
    }

    /// Takes the lease, and pushes as long as it has it.
    async fn hold(&self, cancelled: &CancellationToken) -> Result<(), crate::service::Error> {
        let of_write = |error| crate::service::Error::of_write(&error);
        let taken = self.pushes.take(&self.boot).await.map_err(of_write)?;
        let Some(held) = taken else {
            return Ok(());
        };
        Holding::begin(self, held).await?.push(cancelled).await
    }

    /// Another server knows how it is.
    fn report_nothing() {
        metrics::gauge!("chatzz_push_lag_seconds").set(0.0);
        for state in ["waiting", "dead"] {
            metrics::gauge!("chatzz_push_letters", "state" => state).set(0.0);
        }
    }
}
