//! What all parts of the server share, and the parts that are made of little else.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{ATTEMPT_SLACK, StartError, node};
use crate::clock::Clock;
use crate::config::Config;
use crate::feed::{Company, Elsewhere, Feed, Log, LogDeps, Sockets};
use crate::hooks::{Hooks, Listening};
use crate::notify::Notifier;
use crate::operator::Operator;
use crate::push::Pusher;
use crate::rooms::{Deps, Lanes, Outlet, RecentCursors};
use crate::service::presence::PresenceRegistry;
use crate::service::{Lease, Watch};
use crate::socket::Context;
use crate::store::{Entry, Error, EventQueue, Store, WriteBehindQueue};

/// The database, what waits to be written there, and the time.
pub(super) struct Base {
    pub(super) store: Store,
    pub(super) write_behind: Arc<WriteBehindQueue>,
    /// What other servers are to learn.
    pub(super) events: Arc<EventQueue>,
    pub(super) clock: Clock,
}

impl Base {
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        let events = Arc::new(EventQueue::new(clock.now()));
        let writes = store.bulk_writes.clone();
        Self {
            write_behind: Arc::new(WriteBehindQueue::new(writes, Arc::clone(&events))),
            events,
            store,
            clock,
        }
    }

    /// Starts the lanes, and the feed behind them; `hooks` hear of what is stored.
    pub(super) fn lanes(
        &self,
        config: &Config,
        sockets: Arc<dyn Sockets>,
        elsewhere: Arc<dyn Elsewhere>,
        hooks: Option<Arc<dyn Hooks>>,
        tasks: &TaskTracker,
    ) -> Lanes {
        let recent = RecentCursors::new();
        let feed = Feed::new(
            sockets,
            elsewhere,
            self.store.clone(),
            recent.clone(),
            Arc::clone(&self.events),
            self.clock.clone(),
        );
        let outlet: Arc<dyn Outlet> = match hooks {
            None => Arc::new(feed),
            Some(hooks) => Arc::new(Listening {
                outlet: Arc::new(feed),
                hooks,
            }),
        };
        let deps = Deps {
            store: self.store.clone(),
            write_behind: Arc::clone(&self.write_behind),
            outlet,
            recent,
            clock: self.clock.clone(),
            attempt: config.mongodb.selection_timeout + ATTEMPT_SLACK,
        };
        Lanes::start(config.lanes.count(), config.lanes.queue, &deps, tasks)
    }

    /// What the application and administrators may do.
    pub(super) fn operator(&self, context: &Arc<Context>) -> Operator {
        let (context, events) = (Arc::clone(context), Arc::clone(&self.events));
        Operator::new(context, events, self.store.clone())
    }

    /// What pushes events to the application, if that is configured.
    pub(super) fn pusher(
        &self,
        config: &Config,
        operator: &Operator,
    ) -> Result<Option<Box<Pusher>>, StartError> {
        let pushes = self.store.pushes();
        let made = Pusher::new(&config.events, operator.clone(), pushes);
        let made = made.map_err(|_| StartError::Certificates("CHATZZ_EVENTS_URL"))?;
        Ok(made.map(Box::new))
    }

    /// What writes notification intents, if that is configured.
    pub(super) fn notifier(&self, config: &Config, operator: &Operator) -> Option<Box<Notifier>> {
        let after = config.events.notify_after?;
        let (operator, store) = (operator.clone(), self.store.clone());
        let events = Arc::clone(&self.events);
        Some(Box::new(Notifier::new(after, operator, store, events)))
    }

    /// Takes the lease of the node.
    pub(super) async fn lease(
        &self,
        config: &Config,
        addr: SocketAddr,
        presence: &Arc<PresenceRegistry>,
    ) -> Result<Lease, Error> {
        Lease::take(
            self.store.clone(),
            Arc::clone(&self.write_behind),
            Arc::clone(presence),
            Arc::clone(&self.events),
            node::holder(config, addr, self.clock.clone()),
        )
        .await
    }

    /// Opens the log of events.
    pub(super) async fn log(
        &self,
        config: &Config,
        context: &Arc<Context>,
        watch: &Arc<Watch>,
    ) -> Result<(Box<Log>, mpsc::Receiver<Entry>), Error> {
        let (presence, sockets) = (Arc::clone(&context.presence), Arc::clone(context));
        let watch = Arc::clone(watch);
        let (bus, missed_by) = (context.bus.clone(), context.bus.clone());
        let (log, entries) = Log::open(LogDeps {
            store: self.store.clone(),
            write_behind: Arc::clone(&self.write_behind),
            queue: Arc::clone(&self.events),
            clock: self.clock.clone(),
            keep: config.mongodb.events_keep,
            company: Box::new(move || match &bus {
                _ if !presence.remote().is_any() => Company::Nobody,
                Some(bus) if bus.reaches_all() => Company::InTouch,
                _ => Company::Together,
            }),
            missed: Box::new(move || {
                let bus = missed_by.clone();
                let missed = async move {
                    match bus {
                        Some(bus) => bus.missed().await,
                        None => std::future::pending().await,
                    }
                };
                missed.boxed()
            }),
            lost: Box::new(move || {
                watch.forget();
                sockets.messenger.forget_people();
                sockets.close_all();
            }),
        })
        .await?;
        Ok((Box::new(log), entries))
    }
}
