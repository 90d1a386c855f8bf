//! A replica set of one node.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chatzz_dev::mongod::Ready;

use super::failpoint::{self, FailCommand};
use super::journal::SlowJournal;
use super::node::{Node, direct_uri};
use crate::proxy::Proxy;

/// One mongod, a replica set of its own, which elects itself as soon as it has started.
///
/// Its data lies below `CARGO_TARGET_TMPDIR` and is removed with the drop, which kills it. It ends
/// with this process too, however that ends.
pub(crate) struct Single {
    node: Node,
}

impl Single {
    /// Starts one with no data, on a port that it keeps; returns once it can be written to.
    pub(crate) async fn start(name: &str) -> Self {
        let node = Node::start(name, Ipv4Addr::LOCALHOST, Ready::Writable).await;
        Self { node }
    }

    /// Where it listens: the target of a [`Proxy`].
    pub(crate) fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// The connection string: with `replicaSet=` to the node itself, or with
    /// `directConnection=true` through a proxy, which no member of the set would name.
    pub(crate) fn uri(&self, through: Option<&Proxy>) -> String {
        through.map_or_else(|| self.node.uri(), |proxy| direct_uri(proxy.addr()))
    }

    /// What it says of itself.
    pub(crate) async fn state(&self) -> String {
        self.node.state().await
    }

    /// Kills it (SIGKILL), also frozen, and waits for its end.
    pub(crate) async fn kill(&mut self) {
        self.node.kill().await;
    }

    /// Starts it again on its port with its data; returns once it can be written to. Failpoints
    /// are gone then.
    pub(crate) async fn restart(&mut self) {
        self.node.restart().await;
    }

    /// Its process id while it runs, and the folder of its data and log.
    pub(crate) fn traces(&self) -> (u32, PathBuf) {
        self.node.traces()
    }

    /// Freezes it (SIGSTOP).
    pub(crate) fn stop(&mut self) {
        self.node.freeze();
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn cont(&mut self) {
        self.node.thaw();
    }

    /// Makes commands fail, see [`FailCommand`].
    pub(crate) async fn fail_command(&self, fail: FailCommand) {
        failpoint::set(self.address(), fail).await;
    }

    /// Ends [`Single::fail_command`]; how many commands failed since the start.
    pub(crate) async fn off(&self) -> u64 {
        failpoint::off(self.address()).await
    }

    /// Makes journaled writes wait, see [`SlowJournal`].
    pub(crate) async fn slow_journal(&self, pause: Duration) -> SlowJournal {
        SlowJournal::start(self.address(), pause).await
    }
}
