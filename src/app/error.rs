//! Why the server does not start.

use std::net::SocketAddr;

use crate::auth::AuthStartError;
use crate::feed::bus::BusError;
use crate::http::{ClientFilesError, TlsError};
use crate::store::migrate::{MigrateError, Plan};
use crate::store::{self, ConnectError};

/// A sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{key}={addr} cannot be listened on ({cause}): stop what uses it, or choose another")]
    Listen {
        /// The configuration key.
        key: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The script of the client cannot be served.
    #[error(transparent)]
    ClientFiles(#[from] ClientFilesError),
    /// The keys of the HTTP API cannot be used.
    #[error("CHATZZ_API_KEYS_FILE: {}", .0.join("; "))]
    ApiKeys(Vec<String>),
    /// No request can be made to the URL of a key.
    #[error("{0}: no request can be made: the system's root certificates cannot be read")]
    Certificates(&'static str),
    /// A key of authentication cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthStartError),
    /// The hooks cannot be asked.
    #[error("hooks: {0}")]
    Hooks(&'static str),
    /// The database cannot be worked with.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database cannot be prepared.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The database is not prepared, and may not be.
    #[error("the database is not prepared: run `chatzz migrate` first. It would do:\n{0}")]
    Unprepared(Plan),
    /// The rule of who may write to whom cannot be asked.
    #[error(
        "CHATZZ_CONTACT_RULE cannot be asked of {collection}: the database refuses its filter, \
         or the account has no `find` there ({})", said(.cause)
    )]
    ContactRule {
        /// The collection, with its database.
        collection: String,
        /// What the database says.
        cause: store::Error,
    },
    /// The lease cannot be taken.
    #[error("the node's lease cannot be taken")]
    Lease(#[from] store::Error),
    /// Nothing can be exchanged with other servers.
    #[error("NATS cannot be used: {0}")]
    Bus(#[from] BusError),
    /// The metrics cannot be recorded.
    #[error("metrics cannot be recorded: another recorder is installed")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// What the database itself says, if it was asked.
fn said(error: &store::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}
