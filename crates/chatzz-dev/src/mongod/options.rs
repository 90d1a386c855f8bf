//! How a managed mongod is started.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// The name of the one-node replica set of a managed mongod.
pub const REPLICA_SET: &str = "chatzz";

/// What a started [`Mongod`](super::Mongod) is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// It can be written to; with [`Options::replica_set`] it is made a set of one node first.
    Writable,
    /// It answers. For a member of a larger replica set, which the caller puts together.
    Answering,
}

/// How to start a [`Mongod`](super::Mongod).
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary, see [`locate`](super::locate()).
    pub binary: PathBuf,
    /// The folder of this mongod, made if missing: documents in `db`, the log in `mongod.log`.
    pub dir: PathBuf,
    /// The address to listen on, default 127.0.0.1.
    pub ip: Ipv4Addr,
    /// The port to listen on; by default a free one is picked.
    pub port: Option<u16>,
    /// Whether to run as a one-node replica set, default true; a standalone starts a little faster.
    pub replica_set: bool,
    /// What a start and a restart wait for, default [`Ready::Writable`].
    pub ready: Ready,
    /// Size of the storage engine's cache in GiB, default 0.5 and at least 0.25.
    pub cache_gb: f64,
    /// Size of a replica set's oplog in MiB, default 256.
    pub oplog_mb: u32,
    /// Further arguments of the command line, default none.
    pub extra_args: Vec<String>,
}

impl Options {
    /// Returns the defaults for `binary` run in the folder `dir`.
    pub fn new(binary: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            dir: dir.into(),
            ip: Ipv4Addr::LOCALHOST,
            port: None,
            replica_set: true,
            ready: Ready::Writable,
            cache_gb: 0.5,
            oplog_mb: 256,
            extra_args: Vec::new(),
        }
    }

    pub(super) fn db_path(&self) -> PathBuf {
        self.dir.join("db")
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.dir.join("mongod.log")
    }

    /// Returns the command line, the binary first.
    pub(super) fn command_line(&self, port: u16) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec![self.binary.clone().into()];
        let mut add = |name: &str, value: &dyn AsRef<Path>| {
            line.extend([name.into(), value.as_ref().as_os_str().to_owned()]);
        };
        add("--dbpath", &self.db_path());
        add("--logpath", &self.log_path());
        add("--bind_ip", &self.ip.to_string());
        add("--port", &port.to_string());
        add("--wiredTigerCacheSizeGB", &self.cache_gb.to_string());
        if self.replica_set {
            add("--replSet", &REPLICA_SET);
            add("--oplogSize", &self.oplog_mb.to_string());
            // By default a node lets its clients finish for 15 s, waiting for a successor.
            add(
                "--setParameter",
                &"shutdownTimeoutMillisForSignaledShutdown=0",
            );
        }
        // Metrics for MongoDB's support, sampled and written every second.
        add("--setParameter", &"diagnosticDataCollectionEnabled=false");
        line.extend(["--logappend", "--nounixsocket", "--quiet"].map(OsString::from));
        line.extend(self.extra_args.iter().map(OsString::from));
        line
    }
}
