//! Connecting to the database, and refusing those that chatzz does not support.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;
use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::ClientOptions;

use super::elections::Elections;
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
         Start it, or set CHATZZ_MONGODB_URI to where it runs{hint}"
    )]
    Unreachable {
        /// The hosts that were tried, without credentials.
        hosts: String,
        /// How long.
        waited: Duration,
        /// The last failure, without credentials.
        cause: String,
        /// What else may be the cause.
        hint: &'static str,
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
    let mut options = ClientOptions::parse(config.uri.expose())
        .await
        .map_err(|error| ConnectError::Uri(summary(&error)))?;
    options.app_name.get_or_insert_with(|| "chatzz".into());
    options.max_pool_size = Some(config.pool);
    options.min_pool_size = Some(config.pool_min);
    options.max_connecting = Some(8);
    options.server_selection_timeout = Some(config.selection_timeout);
    options.connect_timeout = Some(config.connect_timeout);
    options.heartbeat_freq = Some(Duration::from_secs(2));
    options.retry_writes.get_or_insert(true);
    options.cmap_event_handler = Some(EventHandler::callback(|event| count_connection(&event)));
    let looking = Arc::clone(elections);
    let look = EventHandler::callback(move |event| looking.look(&event));
    options.sdam_event_handler = Some(look);
    let hosts = options
        .hosts
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    // a server outside the named set answers, but is never selected
    let hint = match options.repl_set_name {
        Some(_) => "; if it runs without a replica set, leave `replicaSet` out",
        None => "",
    };
    let client =
        Client::with_options(options).map_err(|error| ConnectError::Uri(summary(&error)))?;
    let build = match wait_for(&client, config.startup_timeout).await {
        Ok(build) => build,
        Err(NoAnswer::Login) => return Err(ConnectError::Login { hosts }),
        Err(NoAnswer::InTime(cause)) => {
            return Err(ConnectError::Unreachable {
                hosts,
                waited: config.startup_timeout,
                cause,
                hint,
            });
        }
    };
    let found = build.get_str("version").unwrap_or("of unknown version");
    if !is_new_enough(found) {
        return Err(ConnectError::TooOld {
            found: found.to_owned(),
        });
    }
    client.warm_connection_pool().await;
    Ok(client)
}

/// Updates the pool's gauges: all connections, and those in use.
fn count_connection(event: &CmapEvent) {
    let all = || metrics::gauge!("chatzz_mongodb_connections");
    let used = || metrics::gauge!("chatzz_mongodb_connections_in_use");
    match event {
        CmapEvent::ConnectionCreated(_) => all().increment(1.0),
        CmapEvent::ConnectionClosed(_) => all().decrement(1.0),
        CmapEvent::ConnectionCheckedOut(_) => used().increment(1.0),
        CmapEvent::ConnectionCheckedIn(_) => used().decrement(1.0),
        _ => {}
    }
}

/// Why no server reported its version.
enum NoAnswer {
    /// It refused the login.
    Login,
    /// None did in time; with the last cause that was reported.
    InTime(String),
}

/// Asks for the build information until it arrives or the time is over.
async fn wait_for(client: &Client, limit: Duration) -> Result<Document, NoAnswer> {
    let started = Instant::now();
    let mut cause = "no answer".to_owned();
    loop {
        let admin = client.database("admin");
        // in a task of its own: driver futures are never dropped half-way
        let asked = tokio::spawn(async move { admin.run_command(doc! { "buildInfo": 1 }).await });
        let left = limit.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, asked).await {
            Ok(Ok(Ok(build))) => return Ok(build),
            Ok(Ok(Err(error))) if is_login(&error) => return Err(NoAnswer::Login),
            Ok(Ok(Err(error))) => cause = summary(&error),
            Ok(Err(_)) | Err(_) => {}
        }
        if started.elapsed() + PAUSE >= limit {
            return Err(NoAnswer::InTime(cause));
        }
        tracing::warn!(cause, "waiting for MongoDB");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a server refused the login (code 18, or the handshake before it).
fn is_login(error: &mongodb::error::Error) -> bool {
    use mongodb::error::ErrorKind;
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
fn summary(error: &mongodb::error::Error) -> String {
    use mongodb::error::ErrorKind;
    match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        ErrorKind::Authentication { .. } => "it refused the user name or password".into(),
        ErrorKind::DnsResolve { .. } => "its name cannot be resolved".into(),
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
