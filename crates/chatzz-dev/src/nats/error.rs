//! Why there is no NATS.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::mongod::StartError;

/// Why there is no nats-server. Each is a sentence for the developer.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// `CHATZZ_NATS_SERVER` names something else.
    #[error(
        "CHATZZ_NATS_SERVER is {}, which is no file. Set it to the path of a nats-server, or unset \
         it to have one looked for on the PATH",
        .0.display()
    )]
    Configured(PathBuf),
    /// None is installed.
    #[error(
        "there is no nats-server to run. Install one so that it is on the PATH (Debian: `apt-get \
         install nats-server`), or set CHATZZ_NATS_SERVER to its path"
    )]
    Missing,
    /// There is no port for it.
    #[error("nats-server has nowhere to listen: {0}")]
    Port(#[source] StartError),
    /// It or its log cannot be created.
    #[error("nats-server cannot be run: {0}")]
    Spawn(#[source] io::Error),
    /// It ended before it listened.
    #[error("nats-server ended at its start ({status}); see {}", .log.display())]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
    },
    /// It does not listen in time.
    #[error("nats-server does not listen; see {}", .0.display())]
    NotReady(PathBuf),
}
