//! The server: built from a configuration, run until it is asked to stop.

mod base;
mod error;
mod node;
mod run;
mod trial;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, SocketIo};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

pub use crate::http::{ClientFilesError, TlsError};
pub use crate::operator::{Operator, Refused, SendAs, Sent, UnderWay};
use base::Base;
pub use error::StartError;
pub use trial::{Tried, try_hooks};

use crate::api::{self, Keys};
use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::config::Config;
use crate::feed::Log;
use crate::feed::bus::Bus;
use crate::hooks::{HookPoints, Hooks, InProcess, Webhook};
use crate::http::{self, ClientFiles, Health, Tls};
use crate::limits::Limits;
use crate::notify::Notifier;
use crate::push::Pusher;
use crate::rooms::Confirm;
use crate::service::presence::PresenceRegistry;
use crate::service::{Lease, Messenger, Parts, Watch, check_contact_rule, warn_if_unusable};
use crate::socket::{self, Context, Hub, Neighbours, SocketBounds};
use crate::store::migrate::MigrateError;
use crate::store::{Entry, EventQueue, Store, WriteBehindQueue};
use crate::transport::Sessions;
use crate::wire;

/// Largest event that is answered, 256 KiB; a larger one closes the connection.
const MAX_EVENT_BYTES: usize = 256 * 1024;
/// What the transport adds around an event: name, braces, packet type.
const MAX_FRAMING_BYTES: usize = 1024;
/// The two together.
const MAX_PACKET_BYTES: usize = MAX_EVENT_BYTES + MAX_FRAMING_BYTES;
/// Bytes read at once from a websocket: most events fit, and each socket keeps it.
const READ_BUFFER_BYTES: usize = 1024;
/// Acknowledged deliveries that may wait for the lanes.
const MAX_CONFIRMS: usize = 65_536;
/// What a silent peer is given beyond ping interval and ping timeout.
const SLACK: Duration = Duration::from_secs(1);
/// What an attempt to store has beyond the time to find a server.
const ATTEMPT_SLACK: Duration = Duration::from_secs(1);

/// A server that is ready to run.
pub struct App {
    config: Config,
    addr: SocketAddr,
    clients: Option<(TcpListener, Router)>,
    metrics: Option<(TcpListener, Router)>,
    api: Option<Backend>,
    tls: Option<Arc<Tls>>,
    store: Store,
    context: Arc<Context>,
    operator: Operator,
    health: Arc<Health>,
    lease: Arc<Lease>,
    watch: Arc<Watch>,
    write_behind: Arc<WriteBehindQueue>,
    events: Arc<EventQueue>,
    pusher: Option<Box<Pusher>>,
    notifier: Option<Box<Notifier>>,
    /// The tasks that push events and write notification intents.
    sharing: Vec<JoinHandle<()>>,
    confirms: Option<mpsc::Receiver<Confirm>>,
    log: Option<(Box<Log>, mpsc::Receiver<Entry>)>,
    tasks: TaskTracker,
}

/// The listener of the HTTP API.
struct Backend {
    listener: TcpListener,
    router: Router,
    keys: Arc<Keys>,
}

impl App {
    /// Binds the listeners, reaches the database, prepares it, takes the
    /// node's lease. `pages` are served beside the socket.io endpoint.
    ///
    /// # Errors
    /// With a sentence for the operator.
    pub async fn build(config: Config, pages: Router) -> Result<Self, StartError> {
        Self::build_with(config, pages, None).await
    }

    /// The same with hooks that are part of the program, for a server of your own.
    ///
    /// # Errors
    /// Those of [`App::build`], and [`StartError::Hooks`] if the configuration names hooks as
    /// well.
    pub async fn build_with(
        config: Config,
        pages: Router,
        hooks: Option<InProcess>,
    ) -> Result<Self, StartError> {
        let (listener, addr) = bind(config.http.listen, "CHATZZ_LISTEN").await?;
        let metrics = bind_metrics(&config).await?;
        let tls = config.http.tls.clone().map(Tls::new).transpose()?;
        let files = ClientFiles::load(config.socket.serve_client.as_deref())?;
        let api = Backend::bind(&config).await?;
        let clock = Clock::System;
        let (hooks, heard) = points(&config, hooks, &clock)?;
        let authenticator = Authenticator::new(&config.auth, clock.clone()).await?;
        let authenticator = authenticator.asking(hooks.clone());
        let store = Store::connect(&config).await?;
        prepare(&store, config.mongodb.migrate_on_start).await?;
        warn_if_unusable(&store, &config).await;
        check_contact_rule(&store)
            .await
            .map_err(|(collection, cause)| StartError::ContactRule { collection, cause })?;

        let base = Base::new(store, clock);
        let hub = Arc::new(Hub::new(config.socket.status_event));
        let presence = Arc::new(PresenceRegistry::new(
            Arc::clone(&base.write_behind),
            hub.clone(),
            base.clock.clone(),
            config.presence.offline_grace,
        ));
        let lease = base.lease(&config, addr, &presence).await?;
        // an `adopt --undo` that has begun meanwhile may not have seen the lease
        let adopted = base.store.refuse_unfinished_adoption().await;
        adopted.map_err(MigrateError::from)?;
        let bus = bus(&config, &base, &lease, &presence).await?;
        let tasks = TaskTracker::new();
        let parts = Parts {
            store: base.store.clone(),
            presence: Arc::clone(&presence),
            lanes: base.lanes(&config, hub.clone(), presence.clone(), heard, &tasks),
            write_behind: Arc::clone(&base.write_behind),
            events: Arc::clone(&base.events),
            hooks,
            clock: base.clock.clone(),
        };
        let messenger = Arc::new(Messenger::new(parts, &config));
        let sessions = Sessions::new(heartbeat(&config) + SLACK);
        let limits = Arc::new(Limits::new(config.limits.clone()));
        let (confirmed, confirms) = mpsc::channel(MAX_CONFIRMS);
        let context = Arc::new(Context::new(
            messenger,
            hub,
            presence,
            Arc::new(authenticator),
            bounds(&config, confirmed, sessions.clone()),
            Arc::clone(&limits),
            bus,
        ));
        let lease = Arc::new(lease);
        let watch = Arc::new(Watch::new(
            base.store.clone(),
            Arc::clone(&context.presence),
            Arc::clone(&lease),
            Arc::clone(&context.messenger),
        ));
        let log = base.log(&config, &context, &watch).await?;
        let operator = base.operator(&context);
        let pusher = base.pusher(&config, &operator)?;
        let notifier = base.notifier(&config, &operator);
        let metrics = metrics.map(|(listener, router)| {
            let router = match config.http.admin_token.clone() {
                Some(token) => router.merge(http::admin_router(token, operator.by_text())),
                None => router,
            };
            (listener, http::harden(router))
        });
        let api = api.map(|listener| Backend::new(listener, &config, &operator));
        let (layer, io) = socket_io(&config);
        socket::register(&io, &config.socket.namespace, &context);
        let health = Arc::new(Health::new(base.store.clone()));
        let router = http::router(Arc::clone(&health)).merge(pages).layer(layer);
        let router = layered(router, &config, &limits, sessions, files);
        Ok(Self {
            config,
            addr,
            clients: Some((listener, router)),
            metrics,
            api: api.transpose()?,
            tls: tls.map(Arc::new),
            store: base.store,
            context,
            operator,
            health,
            lease,
            watch,
            write_behind: base.write_behind,
            events: base.events,
            pusher,
            notifier,
            sharing: Vec::new(),
            confirms: Some(confirms),
            log: Some(log),
            tasks,
        })
    }

    /// What an administrator may do, from now until the server has stopped.
    pub fn operator(&self) -> Operator {
        self.operator.clone()
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a URL, which tells whether TLS is spoken there.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// Where the application's back end calls the HTTP API, if that is on.
    pub fn api_addr(&self) -> Option<SocketAddr> {
        self.api.as_ref()?.listener.local_addr().ok()
    }
}

/// Binds the address of the metrics, if there is one.
async fn bind_metrics(config: &Config) -> Result<Option<(TcpListener, Router)>, StartError> {
    let recorder = http::recorder()?;
    let Some(wanted) = config.http.metrics_listen else {
        return Ok(None);
    };
    let (listener, addr) = bind(wanted, "CHATZZ_METRICS_LISTEN").await?;
    tracing::info!("metrics at http://{addr}/metrics");
    Ok(Some((listener, http::metrics_router(recorder))))
}

impl Backend {
    /// Binds its address, if there is one.
    async fn bind(config: &Config) -> Result<Option<TcpListener>, StartError> {
        let Some(wanted) = config.api.listen else {
            return Ok(None);
        };
        let (listener, addr) = bind(wanted, "CHATZZ_API_LISTEN").await?;
        let scheme = if config.http.tls.is_some() {
            "https"
        } else {
            "http"
        };
        tracing::info!("HTTP API at {scheme}://{addr}/v1");
        Ok(Some(listener))
    }

    fn new(
        listener: TcpListener,
        config: &Config,
        operator: &Operator,
    ) -> Result<Self, StartError> {
        let keys = config.api.load_keys().map_err(StartError::ApiKeys)?;
        let keys = Keys::new(config.api.clone(), keys, operator.clock().clone());
        let keys = Arc::new(keys);
        let router = api::router(operator.clone(), Arc::clone(&keys), config);
        Ok(Self {
            listener,
            router: http::harden(router),
            keys,
        })
    }
}

/// Where the deployment decides, and who hears of what is stored, if anybody does.
type Points = (Option<Arc<HookPoints>>, Option<Arc<dyn Hooks>>);

fn points(config: &Config, own: Option<InProcess>, clock: &Clock) -> Result<Points, StartError> {
    let hooks = &config.hooks;
    let webhook = Webhook::new(hooks, clock.clone())
        .map_err(|_| StartError::Hooks("the system's root certificates cannot be read"))?;
    let points = |asked: Arc<dyn Hooks>, failure, secrets| {
        let details = wire::user_details;
        Arc::new(HookPoints::new(
            asked,
            failure,
            hooks.timeout,
            secrets,
            details,
        ))
    };
    match (own, webhook, hooks.failure.zip(hooks.secrets.clone())) {
        (Some(_), Some(_), _) => Err(StartError::Hooks(
            "this server has hooks of its own; remove CHATZZ_HOOKS",
        )),
        (Some(own), None, _) => {
            let heard = Arc::clone(&own.hooks);
            let points = points(own.hooks, own.failure, own.secrets);
            Ok((Some(points), Some(heard)))
        }
        (None, Some(webhook), Some((failure, secrets))) => {
            Ok((Some(points(webhook, failure, secrets)), None))
        }
        // the configuration demands it
        (None, Some(_), None) => Err(StartError::Hooks("CHATZZ_HOOK_FAILURE is missing")),
        (None, None, _) => Ok((None, None)),
    }
}

async fn bind(
    wanted: SocketAddr,
    key: &'static str,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |cause| StartError::Listen {
        key,
        addr: wanted,
        cause,
    };
    let listener = TcpListener::bind(wanted).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;
    Ok((listener, addr))
}

/// The way to other servers, if NATS is configured.
async fn bus(
    config: &Config,
    base: &Base,
    lease: &Lease,
    presence: &Arc<PresenceRegistry>,
) -> Result<Option<Arc<Bus>>, StartError> {
    if config.nats.url.is_none() {
        return Ok(None);
    }
    let others = presence.remote().watch_boots();
    let bus = Bus::new(config.nats.clone(), &base.store, lease.watch_boot(), others);
    let bus = Arc::new(bus.await?);
    base.events.listen(Arc::new(Neighbours {
        bus: Arc::clone(&bus),
        presence: Arc::clone(presence),
    }));
    Ok(Some(bus))
}

/// Brings the database into shape, or refuses to start on one that is not.
async fn prepare(store: &Store, may_migrate: bool) -> Result<(), StartError> {
    if may_migrate {
        let done = store.migrate().await?;
        if !done.is_empty() {
            let migrations = done.migrations.join(", ");
            let indexes = done.indexes.len();
            tracing::info!(migrations, indexes, "the database was prepared");
            for note in done.notes {
                tracing::info!("{note}");
            }
        }
        return Ok(());
    }
    let plan = store.plan().await?;
    if plan.is_empty() {
        Ok(())
    } else {
        Err(StartError::Unprepared(plan))
    }
}

/// How long a peer can be gone before that is noticed.
fn heartbeat(config: &Config) -> Duration {
    config.socket.ping_interval + config.socket.ping_timeout
}

fn bounds(config: &Config, confirmed: mpsc::Sender<Confirm>, sessions: Sessions) -> SocketBounds {
    SocketBounds {
        queue: config.socket.queue,
        request: config.timeouts.request,
        outbox_bytes: config.socket.outbox_bytes.bytes(),
        connect: config.socket.connect_timeout,
        stall: config.socket.stall_timeout,
        dialect: config.socket.dialect,
        confirmed,
        sessions,
    }
}

fn socket_io(config: &Config) -> (SocketIoLayer, SocketIo) {
    let socket = &config.socket;
    let parser = ParserConfig::common()
        .max_incoming_binary_buf_size(MAX_EVENT_BYTES)
        .max_incoming_binaries(16)
        .packet_completion_timeout(socket.connect_timeout);
    SocketIo::builder()
        .req_path(socket.path.clone())
        .ping_interval(socket.ping_interval)
        .ping_timeout(socket.ping_timeout)
        .connect_timeout(socket.connect_timeout)
        // an acknowledgement that takes longer than a dead peer is noticed never comes
        .ack_timeout(heartbeat(config) + SLACK)
        // `max_payload` bounds polling only
        .max_payload(MAX_PACKET_BYTES as u64)
        .ws_max_message_size(MAX_PACKET_BYTES)
        .ws_max_frame_size(MAX_PACKET_BYTES)
        .ws_read_buffer_size(READ_BUFFER_BYTES)
        .with_parser(parser)
        .build_layer()
}

/// What a request passes on its way to the socket.io endpoint, from the inside out.
fn layered(
    router: Router,
    config: &Config,
    limits: &Arc<Limits>,
    sessions: Sessions,
    files: ClientFiles,
) -> Router {
    let router = http::collect_bodies(router, config, sessions.clone(), MAX_PACKET_BYTES);
    // nothing of the read buffer stays with a session
    let router = http::keep_small(router, config);
    // requests of ended sessions end
    let router = http::watch_sessions(router, sessions);
    let router = http::complete_engine(router, &config.socket.path, files);
    let router = http::limit(router, Arc::clone(limits), &config.socket.path);
    // whose request it is, for the limits
    let router = http::locate(router, config.proxies.clone());
    let router = http::guard(router, config.http.allowed_origins.clone());
    http::harden(router)
}
