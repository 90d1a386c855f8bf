//! Running, and stopping in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{App, SLACK};
use crate::http::{self, Accepting};
use crate::rooms::Confirm;
use crate::socket::{self, Context, Incoming, RefreshIntervals, Silence};

/// A short cache is about single reads, not about reading everybody in a loop.
const PEOPLE_AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// How much earlier than the cache ends everybody is read anew, for the time that this and
/// closing the sockets of deleted people takes.
const PEOPLE_EARLIER: Duration = Duration::from_secs(3);
/// Hints of other servers that are not announced yet; the log brings the rest.
const MAX_HINTS: usize = 1_024;
/// The same in KiB, 8 MiB.
const MAX_HINTS_KIB: usize = 8 * 1_024;
/// Connections of the application's back end at one time.
const MAX_API_CONNECTIONS: usize = 1_024;
const PRIVACY_AT_MOST_EVERY: Duration = Duration::from_secs(1);

impl App {
    /// Serves until `shutdown` resolves, then drains: refuses what is new,
    /// answers what was accepted, makes its people offline, writes what waits,
    /// gives up the lease, closes. Draining takes at most
    /// `CHATZZ_DRAIN_TIMEOUT`, of which answering has three fifths.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()> + Send) {
        let stop = CancellationToken::new();
        let cut = CancellationToken::new();
        self.start(&stop, &cut);
        shutdown.await;
        self.drain(stop, cut).await;
    }

    fn start(&mut self, stop: &CancellationToken, cut: &CancellationToken) {
        let ages = RefreshIntervals {
            silence: Silence {
                noticed: self.config.socket.ping_interval + self.config.socket.ping_timeout + SLACK,
                answered: self.config.socket.ping_interval + self.config.socket.ping_timeout,
            },
            people: people_interval(self.config.users.cache),
            privacy: self.config.privacy.cache.max(PRIVACY_AT_MOST_EVERY),
        };
        let context = Arc::clone(&self.context);
        self.tasks
            .spawn(socket::maintain(context, ages, stop.clone()));
        let context = Arc::clone(&self.context);
        self.tasks
            .spawn(socket::watch_expiry(context, stop.clone()));
        let (authenticator, until) = (Arc::clone(&self.context.authenticator), stop.clone());
        self.tasks
            .spawn(async move { authenticator.keep(until).await });
        let context = Arc::clone(&self.context);
        let lease = Arc::clone(&self.lease);
        self.tasks
            .spawn(lease.keep(move || context.close_all(), stop.clone()));
        self.tasks
            .spawn(Arc::clone(&self.lease).clean_up(stop.clone()));
        let watch = Arc::clone(&self.watch);
        self.tasks.spawn(watch.keep(stop.clone()));
        let (hinted, hints) = mpsc::channel(MAX_HINTS);
        if let Some(bus) = self.context.bus.clone() {
            let context = Arc::clone(&self.context);
            let incoming = Arc::new(Incoming {
                context,
                hints: hinted,
                shares: Arc::new(Semaphore::new(MAX_HINTS_KIB)),
            });
            self.tasks.spawn(bus.run(incoming, stop.clone()));
        }
        let presence = Arc::clone(&self.context.presence);
        let together = move || presence.remote().is_any();
        self.tasks
            .spawn(Arc::clone(&self.write_behind).run(together, stop.clone()));
        if let Some((log, entries)) = self.log.take() {
            self.tasks.spawn(log.run(stop.clone()));
            let (context, watch) = (Arc::clone(&self.context), Arc::clone(&self.watch));
            self.tasks
                .spawn(socket::hear(context, watch, entries, hints, stop.clone()));
        }
        let tasks = self.tasks.clone();
        let pusher = self.pusher.take();
        let pushing = pusher.map(|pusher| tasks.spawn(pusher.run(stop.clone())));
        let notifier = self.notifier.take();
        let notifying = notifier.map(|notifier| tasks.spawn(notifier.run(stop.clone())));
        self.sharing = pushing.into_iter().chain(notifying).collect();
        if let Some(confirms) = self.confirms.take() {
            self.tasks
                .spawn(forward(confirms, Arc::clone(&self.context), stop.clone()));
        }
        let tls = self.tls.clone().map(|tls| {
            let config = tls.server_config();
            self.tasks.spawn(tls.keep(stop.clone()));
            config
        });
        let accepting = Accepting {
            most: self.config.http.max_connections,
            header: self.config.http.header_timeout,
            keep_alive: self.config.http.keep_alive_timeout,
            stall: self.config.socket.stall_timeout,
            namespace: None,
            tls: None,
            limits: None,
        };
        if let Some(metrics) = self.metrics.take() {
            self.accept(metrics, accepting.clone(), stop, cut);
        }
        if let Some(api) = self.api.take() {
            let keys = Arc::clone(&api.keys);
            self.tasks.spawn(keys.keep(stop.clone()));
            let accepting = Accepting {
                most: MAX_API_CONNECTIONS,
                tls: tls.clone(),
                ..accepting.clone()
            };
            self.accept((api.listener, api.router), accepting, stop, cut);
        }
        let proxies = self.config.proxies.trusted.clone();
        let of_clients = Accepting {
            namespace: self.config.socket.named_namespace(),
            tls,
            limits: Some((Arc::clone(&self.context.limits), proxies)),
            ..accepting
        };
        if let Some(clients) = self.clients.take() {
            self.accept(clients, of_clients, stop, cut);
        }
    }

    fn accept(
        &self,
        (listener, router): (TcpListener, Router),
        accepting: Accepting,
        stop: &CancellationToken,
        cut: &CancellationToken,
    ) {
        let tasks = self.tasks.clone();
        self.tasks.spawn(http::serve(
            listener,
            router,
            accepting,
            tasks,
            stop.clone(),
            cut.clone(),
        ));
    }

    async fn drain(mut self, stop: CancellationToken, cut: CancellationToken) {
        let started = Instant::now();
        let whole = self.config.timeouts.drain;
        let end = started + whole;
        tracing::info!("draining");
        self.health.start_draining();
        self.context.start_draining();
        if timeout_at(started + whole * 3 / 5, self.context.finish())
            .await
            .is_err()
        {
            tracing::warn!("some events were not answered in time");
        }
        self.context.leave_all();
        let written = async {
            let flushed = self.write_behind.flush().await;
            let logged = self.events.written();
            stop.cancel();
            flushed?;
            // else the lease runs out by itself, and others write what is missing
            if matches!(logged.await, Ok(())) {
                // up to where the log goes
                self.write_behind.flush().await?;
                self.lease.release().await?;
            }
            Ok::<(), crate::store::Error>(())
        };
        match timeout_at(started + whole * 4 / 5, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "presence was not written; the next start mends it"
            ),
            Err(_) => tracing::warn!("presence was not written in time; the next start mends it"),
        }
        stop.cancel();
        // else another server waits for their leases before it goes on
        for sharing in self.sharing.drain(..) {
            let _ = timeout_at(started + whole * 17 / 20, sharing).await;
        }
        // a peer that does not read keeps this waiting
        let _ = timeout_at(started + whole * 9 / 10, self.context.answers_left()).await;
        // cut, as by a broken network: after a goodbye some clients never come back
        cut.cancel();
        self.context.close_all();
        let _ = timeout_at(end, self.store.close()).await;
        tracing::info!("stopped");
    }
}

/// Passes acknowledged deliveries on to the lanes.
async fn forward(
    mut confirms: mpsc::Receiver<Confirm>,
    context: Arc<Context>,
    stop: CancellationToken,
) {
    loop {
        let confirm = tokio::select! {
            () = stop.cancelled() => return,
            confirm = confirms.recv() => confirm,
        };
        let Some(confirm) = confirm else { return };
        context.messenger.confirm(confirm);
    }
}

/// How often everybody who is here is read anew, so that a new name shows and the sockets
/// of deleted people end within the time of the cache.
fn people_interval(cache: Duration) -> Duration {
    cache
        .saturating_sub(PEOPLE_EARLIER)
        .max(PEOPLE_AT_MOST_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_read_anew_before_the_cache_ends_and_never_all_the_time() {
        for seconds in [5, 6, 30, 3_600] {
            let cache = Duration::from_secs(seconds);
            assert!(
                people_interval(cache) + PEOPLE_EARLIER <= cache,
                "{cache:?}"
            );
        }
        for short in [Duration::ZERO, Duration::from_secs(1)] {
            assert_eq!(people_interval(short), PEOPLE_AT_MOST_EVERY);
        }
    }
}
