//! Why a mongod did not start.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a mongod did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder of this mongod cannot be used.
    #[error("cannot use {}: {source}", .path.display())]
    Folder {
        /// The file or folder in question.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },
    /// Another mongod holds the documents in this folder.
    #[error(
        "another mongod{} is running on {}; stop it, or use another folder",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(), .db_path.display()
    )]
    DbPathInUse {
        /// The folder with the documents.
        db_path: PathBuf,
        /// The other's process id as it noted it there.
        pid: Option<u32>,
    },
    /// Another process listens on the wanted port.
    #[error("{0} is taken by another process; stop it, or use another port")]
    PortTaken(SocketAddrV4),
    /// No port could be bound, for instance because the address is not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address, port 0 standing for any.
        address: SocketAddrV4,
        /// What the operating system answered.
        source: io::Error,
    },
    /// Every port that was tried is in use.
    #[error("found no free port on {0}")]
    NoFreePort(Ipv4Addr),
    /// The shell that runs mongod could not be started.
    #[error("cannot run mongod: {0}")]
    Spawn(#[source] io::Error),
    /// mongod ended before it was ready.
    #[error("mongod ended at its start ({status}); its log says:\n{log}")]
    Exited {
        /// How it ended; mongod's own code is 14, 48, 62, 100 …, a signal's is 128 + its number.
        status: ExitStatus,
        /// The relevant lines at the end of the log.
        log: String,
    },
    /// mongod was not ready within 60 s.
    #[error(
        "mongod was not ready within 60 s{}; its log says:\n{log}",
        .cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default()
    )]
    NotReady {
        /// The last thing that went wrong; without one it never became a writable primary.
        #[source]
        cause: Option<mongodb::error::Error>,
        /// The relevant lines at the end of the log.
        log: String,
    },
}
