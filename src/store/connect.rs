//! Connecting to the database, and refusing those that chatzz does not support.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;
use mongodb::error::ErrorKind;
use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::{ClientOptions, ServerAddress};
use parking_lot::Mutex;

use super::elections::Elections;
use super::reach::{self, Reach};
use crate::config::MongoDbConfig;

/// The oldest MongoDB that has everything the queries use.
const OLDEST: (u32, u32) = (6, 0);
/// Pause between two attempts to reach a database that does not answer yet.
const PAUSE: Duration = Duration::from_millis(250);

/// Why `serve` cannot work with the database. Each is a sentence for its operator.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connection string cannot be used.
    #[error("CHATZZ_MONGODB_URI cannot be used: {0}")]
    Uri(String),
    /// No server answered in time.
    #[error(
        "MongoDB at {hosts} cannot be reached after {waited:?}: {cause}. \
         Start it, or set CHATZZ_MONGODB_URI to where it runs"
    )]
    Unreachable {
        /// The hosts that were tried, without credentials.
        hosts: String,
        /// How long.
        waited: Duration,
        /// The last failure, by address, without credentials.
        cause: String,
    },
    /// A server answered and refused the login.
    #[error(
        "MongoDB at {hosts} refused the user name or password: \
         correct them in CHATZZ_MONGODB_URI, with authSource if the account is in another database"
    )]
    Login {
        /// The hosts, without credentials.
        hosts: String,
    },
    /// The server is too old.
    #[error(
        "MongoDB {found} is too old: chatzz needs {}.{} or newer. \
         Upgrade the server, or set CHATZZ_MONGODB_URI to another one",
        OLDEST.0, OLDEST.1
    )]
    TooOld {
        /// The version that the server reports.
        found: String,
    },
}

/// Creates a client and waits until its server answers.
///
/// `elections` is notified of every new primary.
pub(super) async fn client(
    config: &MongoDbConfig,
    elections: &Arc<Elections>,
) -> Result<Client, ConnectError> {
    let mut wait = Wait::begin(config);
    let mut options = parse(config, &wait).await?;
    options.app_name.get_or_insert_with(|| "chatzz".into());
    options.max_pool_size = Some(config.pool);
    options.min_pool_size = Some(config.pool_min);
    options.max_connecting = Some(8);
    options.server_selection_timeout = Some(config.selection_timeout);
    options.connect_timeout = Some(config.connect_timeout);
    options.heartbeat_freq = Some(Duration::from_secs(2));
    options.retry_writes.get_or_insert(true);
    let pools = Pools::default();
    options.cmap_event_handler = Some(EventHandler::callback(move |event| pools.note(&event)));
    let reach = Arc::new(Reach::new(&options));
    let (looking, reaching) = (Arc::clone(elections), Arc::clone(&reach));
    let look = EventHandler::callback(move |event| {
        looking.look(&event);
        reaching.look(&event);
    });
    options.sdam_event_handler = Some(look);
    wait.hosts = hosts(&options);
    let client =
        Client::with_options(options).map_err(|error| ConnectError::Uri(summary(&error)))?;
    let build = wait_for(&client, &reach, &wait).await?;
    let found = build.get_str("version").unwrap_or("of unknown version");
    if !is_new_enough(found) {
        return Err(ConnectError::TooOld {
            found: found.to_owned(),
        });
    }
    client.warm_connection_pool().await;
    Ok(client)
}

/// The connections of the driver's pools. Counted here, not by the gauges: the first are made
/// before there is anything that takes a metric, and those that fill a pool are reported as
/// given back though nobody took them.
#[derive(Default)]
struct Pools {
    all: AtomicI32,
    used: Mutex<Used>,
}

/// Connections by their server and the number that its pool gave them.
type Used = HashSet<(ServerAddress, u32)>;

impl Pools {
    fn note(&self, event: &CmapEvent) {
        let all = |by| {
            let now = self.all.fetch_add(by, Ordering::Relaxed) + by;
            metrics::gauge!("chatzz_mongodb_connections").set(f64::from(now));
        };
        let used = |change: &dyn Fn(&mut Used)| {
            let mut used = self.used.lock();
            change(&mut used);
            let now = u32::try_from(used.len()).unwrap_or(u32::MAX);
            metrics::gauge!("chatzz_mongodb_connections_in_use").set(f64::from(now));
        };
        match event {
            CmapEvent::ConnectionCreated(_) => all(1),
            CmapEvent::ConnectionClosed(_) => all(-1),
            CmapEvent::ConnectionCheckedOut(taken) => used(&|used| {
                used.insert((taken.address.clone(), taken.connection_id));
            }),
            CmapEvent::ConnectionCheckedIn(given) => used(&|used| {
                used.remove(&(given.address.clone(), given.connection_id));
            }),
            _ => {}
        }
    }
}

/// The addresses, without user and password.
fn hosts(options: &ClientOptions) -> String {
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    hosts.join(", ")
}

/// The wait for the database at the start.
struct Wait {
    hosts: String,
    limit: Duration,
    started: Instant,
}

impl Wait {
    fn begin(config: &MongoDbConfig) -> Self {
        Self {
            hosts: config.uri.redacted(),
            limit: config.startup_timeout,
            started: Instant::now(),
        }
    }

    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    /// Waits for another attempt, and says why.
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`] when there is no time for one.
    async fn pause(&self, cause: &str) -> Result<(), ConnectError> {
        let left = self.left();
        if left <= PAUSE {
            return Err(ConnectError::Unreachable {
                hosts: self.hosts.clone(),
                waited: self.limit,
                cause: cause.to_owned(),
            });
        }
        tracing::warn!(
            hosts = self.hosts,
            cause,
            "waiting for MongoDB; giving up in {} s",
            left.as_secs()
        );
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

/// Reads the connection string, again and again while its host name cannot be resolved:
/// that of `mongodb+srv` is looked up here.
async fn parse(config: &MongoDbConfig, wait: &Wait) -> Result<ClientOptions, ConnectError> {
    loop {
        let parsed = ClientOptions::parse(config.uri.expose()).await;
        match parsed {
            Ok(options) => return Ok(options),
            Err(error) if matches!(*error.kind, ErrorKind::DnsResolve { .. }) => {
                wait.pause(reach::UNRESOLVED).await?;
            }
            Err(error) => return Err(ConnectError::Uri(summary(&error))),
        }
    }
}

/// Asks for the build information until it arrives or the time is over.
async fn wait_for(client: &Client, reach: &Reach, wait: &Wait) -> Result<Document, ConnectError> {
    let mut cause = "no answer".to_owned();
    loop {
        let admin = client.database("admin");
        // in a task of its own: driver futures are never dropped half-way
        let asked = tokio::spawn(async move { admin.run_command(doc! { "buildInfo": 1 }).await });
        match tokio::time::timeout(wait.left(), asked).await {
            Ok(Ok(Ok(build))) => return Ok(build),
            Ok(Ok(Err(error))) if is_login(&error) => {
                return Err(ConnectError::Login {
                    hosts: wait.hosts.clone(),
                });
            }
            Ok(Ok(Err(error))) if !matches!(*error.kind, ErrorKind::ServerSelection { .. }) => {
                cause = summary(&error);
            }
            // no server was found: the monitors know why
            Ok(_) | Err(_) => cause = reach.causes().unwrap_or(cause),
        }
        wait.pause(&cause).await?;
    }
}

/// Whether a server refused the login (code 18, or the handshake before it).
fn is_login(error: &mongodb::error::Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => true,
        ErrorKind::Command(command) => command.code == 18,
        _ => false,
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        _ => false,
    }
}

/// The kind of a failure, without the driver's details, which may contain the connection string.
pub(super) fn summary(error: &mongodb::error::Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        ErrorKind::Authentication { .. } => "it refused the user name or password".into(),
        ErrorKind::DnsResolve { .. } => reach::UNRESOLVED.into(),
        ErrorKind::ServerSelection { .. } => "no server answered".into(),
        ErrorKind::Io(cause) => cause.to_string(),
        ErrorKind::Command(command) => command.code_name.clone(),
        other => {
            let debug = format!("{other:?}");
            let name = debug.split([' ', '(', '{']).next().unwrap_or_default();
            format!("driver error {name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_before_six_are_too_old() {
        assert!(is_new_enough("6.0.5"));
        assert!(is_new_enough("8.2.0-rc1"));
        assert!(!is_new_enough("5.0.31"));
        assert!(!is_new_enough("4.4"));
        assert!(!is_new_enough("unknown"));
    }
}
