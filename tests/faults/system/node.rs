//! One mongod that takes orders meant for tests.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use chatzz_dev::mongod::{Mongod, Options, Ready};
use mongodb::Client;
use mongodb::options::{ClientOptions, ServerAddress};
use nix::sys::signal::Signal;
use tokio::time::timeout;

use crate::support::mongod;

/// Bound of one command of the harness itself, connection included.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// How long the connection of a command may take to close.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);
/// Bound of the time that every thread takes to stop.
const FROZEN_WITHIN: Duration = Duration::from_secs(10);

/// A mongod with test commands, 256 MiB cache and 64 MiB oplog; ended and removed with its drop.
pub(super) struct Node {
    mongod: Mongod,
    ip: Ipv4Addr,
    frozen: bool,
}

impl Node {
    /// Starts one in an empty folder, on a port of its own choice that it keeps.
    pub(super) async fn start(name: &str, ip: Ipv4Addr, ready: Ready) -> Self {
        let adjust = |options: Options| Options {
            ip,
            ready,
            extra_args: vec!["--setParameter".into(), "enableTestCommands=1".into()],
            ..options
        };
        Self {
            mongod: mongod::start(name, adjust).await,
            ip,
            frozen: false,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        (self.ip, self.mongod.port()).into()
    }

    /// The connection string that names the replica set and this node.
    pub(super) fn uri(&self) -> String {
        self.mongod.uri()
    }

    /// The connection string of this node alone.
    pub(super) fn direct_uri(&self) -> String {
        direct_uri(self.address())
    }

    /// Whether it runs and is not frozen.
    pub(super) fn is_up(&self) -> bool {
        self.mongod.pid().is_some() && !self.frozen
    }

    pub(super) fn is_dead(&self) -> bool {
        self.mongod.pid().is_none()
    }

    /// Its process id, and its folder.
    pub(super) fn traces(&self) -> (u32, PathBuf) {
        let log = self.mongod.log_path();
        (self.mongod.pid().unwrap(), log.parent().unwrap().to_owned())
    }

    pub(super) async fn kill(&mut self) {
        self.mongod.kill().await.unwrap();
        self.frozen = false;
    }

    pub(super) async fn restart(&mut self) {
        let restarted = self.mongod.restart().await;
        restarted.unwrap_or_else(|error| panic!("{error}"));
        self.frozen = false;
    }

    /// Freezes it. The signal is only on its way when it has been sent: on a busy machine
    /// a thread may answer once more, so each is waited for.
    pub(super) fn freeze(&mut self) {
        self.mongod.signal(Signal::SIGSTOP).unwrap();
        self.frozen = true;
        let pid = self.mongod.pid().unwrap();
        let until = Instant::now() + FROZEN_WITHIN;
        while !is_stopped(pid) {
            assert!(Instant::now() < until, "mongod {pid} does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn thaw(&mut self) {
        self.mongod.signal(Signal::SIGCONT).unwrap();
        self.frozen = false;
    }

    /// Runs a command on this very node.
    pub(super) async fn run(&self, command: Document) -> mongodb::error::Result<Document> {
        run(self.address(), command).await
    }

    /// What the node says of itself; nothing if it does not answer within `limit`.
    pub(super) async fn hello(&self, limit: Duration) -> Option<Document> {
        if !self.is_up() {
            return None;
        }
        let hello = tokio::spawn(run(self.address(), doc! { "hello": 1 }));
        timeout(limit, hello).await.ok()?.ok()?.ok()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // At once: a frozen one would outlast the shell's SIGTERM by 10 s, and write meanwhile.
        let _ = self.mongod.signal(Signal::SIGKILL);
        let log = self.mongod.log_path();
        let Some(folder) = log.parent() else { return };
        if std::thread::panicking() {
            let kept = folder.with_extension("log");
            if std::fs::rename(&log, &kept).is_ok() {
                eprintln!("the log of {} is in {}", self.address(), kept.display());
            }
        }
        remove(folder);
    }
}

/// Removes a folder whose writer was killed a moment ago.
fn remove(folder: &Path) {
    for _ in 0..50 {
        if std::fs::remove_dir_all(folder).is_ok() {
            return;
        }
        // A file made between the look and the removal. What remains, the next run removes.
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The connection string of one node alone, or of a proxy in front of it.
pub(super) fn direct_uri(address: SocketAddr) -> String {
    format!("mongodb://{address}/?directConnection=true")
}

/// Runs a command on the node at `address`, with a client of its own.
pub(super) async fn run(
    address: SocketAddr,
    command: Document,
) -> mongodb::error::Result<Document> {
    let host = address.ip().to_string();
    let port = Some(address.port());
    let options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host, port }])
        .direct_connection(true)
        .app_name("chatzz faults".to_owned())
        .server_selection_timeout(COMMAND_LIMIT)
        .connect_timeout(COMMAND_LIMIT)
        .build();
    let client = Client::with_options(options)?;
    let answer = client.database("admin").run_command(command).await;
    // In driver 3.9 it can wait for ever: for a monitor that waits for the topology's answer,
    // while that one has ended.
    let _ = timeout(SHUTDOWN_LIMIT, client.shutdown().immediate(true)).await;
    answer
}

/// Whether every thread of a process is stopped, as `/proc` shows it.
fn is_stopped(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.flatten().all(|task| {
        // `pid (name) state …`; a thread that has just ended has none
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
        state.is_none_or(|rest| rest.starts_with('T'))
    })
}
