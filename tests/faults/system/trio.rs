//! A replica set of three nodes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bson::doc;
use chatzz_dev::mongod::{REPLICA_SET, Ready};
use tokio::time::{Instant, sleep};

use super::failpoint::{self, FailCommand};
use super::journal::SlowJournal;
use super::node::Node;

/// How long a node without a word from the primary waits before it stands for election.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the nodes talk to each other.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a new primary may fetch what it has not got yet, before it takes writes.
///
/// After its predecessor froze it always takes as long: it waits for that one's answer. What a
/// majority acknowledged it has already.
const CATCH_UP: Duration = Duration::from_secs(1);
/// Bound of a first election.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long a node may take to say whether it is primary.
const HELLO_LIMIT: Duration = Duration::from_millis(500);
/// Pause between two looks for a primary.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long a primary that stepped down does not stand for election.
const STEP_DOWN_SECS: i32 = 10;
/// How long it waits for a secondary that has everything.
const STEP_DOWN_CATCH_UP_SECS: i32 = 2;

/// Three mongods on 127.0.0.11, .12 and .13, one replica set, election timeout 2 s.
///
/// Each keeps its port. The data lies below `CARGO_TARGET_TMPDIR` and is removed with the drop,
/// which kills them. They end with this process too, however that ends.
pub(crate) struct Trio {
    nodes: Vec<Node>,
}

impl Trio {
    /// Starts three with no data; returns once there is a primary and two secondaries.
    pub(crate) async fn start(name: &str) -> Self {
        let mut nodes = Vec::new();
        for last in [11, 12, 13] {
            let ip = Ipv4Addr::new(127, 0, 0, last);
            nodes.push(Node::start(&format!("{name}-{last}"), ip, Ready::Answering).await);
        }
        let trio = Self { nodes };
        let members = (0_i32..).zip(&trio.nodes).map(|(id, node)| {
            doc! { "_id": id, "host": node.address().to_string() }
        });
        let settings = doc! {
            "electionTimeoutMillis": millis(ELECTION_TIMEOUT),
            "heartbeatIntervalMillis": millis(HEARTBEAT),
            "catchUpTimeoutMillis": millis(CATCH_UP),
        };
        let config = doc! {
            "_id": REPLICA_SET,
            "members": members.collect::<Vec<_>>(),
            "settings": settings,
        };
        let initiated = trio.nodes[0].run(doc! { "replSetInitiate": config }).await;
        initiated.unwrap();
        trio.wait_for_primary(START_LIMIT).await;
        trio.wait_for_all(START_LIMIT).await;
        trio
    }

    /// The connection string, which names all three.
    pub(crate) fn uri(&self) -> String {
        let addresses = self.nodes.iter().map(|node| node.address().to_string());
        let hosts = addresses.collect::<Vec<_>>().join(",");
        format!("mongodb://{hosts}/?replicaSet={REPLICA_SET}")
    }

    /// What each node says of itself.
    pub(crate) async fn states(&self) -> Vec<String> {
        futures::future::join_all(self.nodes.iter().map(Node::state)).await
    }

    /// Which node takes writes now, 0 to 2, if any does.
    pub(crate) async fn primary(&self) -> Option<usize> {
        let says = futures::future::join_all(self.nodes.iter().map(|node| node.hello(HELLO_LIMIT)));
        // For a moment an old one may not know yet; the newer election counts.
        let primaries = says
            .await
            .into_iter()
            .enumerate()
            .filter_map(|(index, hello)| {
                let hello = hello?;
                let writable = hello.get_bool("isWritablePrimary").ok()?;
                writable.then(|| (hello.get_object_id("electionId").ok(), index))
            });
        primaries.max().map(|(_, index)| index)
    }

    /// Waits until a node takes writes; returns which, and how long that took.
    ///
    /// # Panics
    /// Panics if none does within `limit`.
    pub(crate) async fn wait_for_primary(&self, limit: Duration) -> (usize, Duration) {
        let began = Instant::now();
        loop {
            if let Some(primary) = self.primary().await {
                return (primary, began.elapsed());
            }
            assert!(began.elapsed() < limit, "no primary within {limit:?}");
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until every node is primary or secondary.
    ///
    /// # Panics
    /// Panics if that takes longer than `limit`.
    pub(crate) async fn wait_for_all(&self, limit: Duration) {
        let began = Instant::now();
        for node in &self.nodes {
            loop {
                let hello = node.hello(HELLO_LIMIT).await.unwrap_or_default();
                if ["isWritablePrimary", "secondary"]
                    .iter()
                    .any(|state| hello.get_bool(state).unwrap_or(false))
                {
                    break;
                }
                assert!(
                    began.elapsed() < limit,
                    "{} is no member within {limit:?}",
                    node.address()
                );
                sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Kills the primary (SIGKILL) and waits for its end; returns which it was.
    pub(crate) async fn kill_primary(&mut self) -> usize {
        let primary = self.some_primary().await;
        self.nodes[primary].kill().await;
        primary
    }

    /// Starts every killed node again, with its data; returns once all are members.
    pub(crate) async fn restart_dead(&mut self) {
        for node in &mut self.nodes {
            if node.is_dead() {
                node.restart().await;
            }
        }
        self.wait_for_all(START_LIMIT).await;
    }

    /// Makes the primary hand over (`replSetStepDown`, not forced); returns which it was.
    pub(crate) async fn step_down(&self) -> usize {
        let primary = self.some_primary().await;
        let command = doc! {
            "replSetStepDown": STEP_DOWN_SECS,
            "secondaryCatchUpPeriodSecs": STEP_DOWN_CATCH_UP_SECS,
            "force": false,
        };
        self.nodes[primary].run(command).await.unwrap();
        primary
    }

    /// Freezes the primary (SIGSTOP); returns which it was, for [`Trio::cont`].
    pub(crate) async fn stop_primary(&mut self) -> usize {
        let primary = self.some_primary().await;
        self.nodes[primary].freeze();
        primary
    }

    /// Kills a node (SIGKILL) and waits for its end.
    pub(crate) async fn kill_node(&mut self, node: usize) {
        self.nodes[node].kill().await;
    }

    /// Starts one killed node again, with its data.
    pub(crate) async fn restart_node(&mut self, node: usize) {
        self.nodes[node].restart().await;
    }

    /// Freezes a node (SIGSTOP).
    pub(crate) fn freeze(&mut self, node: usize) {
        self.nodes[node].freeze();
    }

    /// Lets a frozen node go on (SIGCONT).
    pub(crate) fn cont(&mut self, node: usize) {
        self.nodes[node].thaw();
    }

    /// Where a node listens.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].address()
    }

    /// The connection string of one node alone.
    pub(crate) fn direct_uri(&self, node: usize) -> String {
        self.nodes[node].direct_uri()
    }

    /// Makes commands of one node fail, see [`FailCommand`].
    pub(crate) async fn fail_command(&self, node: usize, fail: FailCommand) {
        failpoint::set(self.address(node), fail).await;
    }

    /// Ends [`Trio::fail_command`]; how many commands of the node failed since its start.
    pub(crate) async fn off(&self, node: usize) -> u64 {
        failpoint::off(self.address(node)).await
    }

    /// Makes journaled writes of one node wait, see [`SlowJournal`].
    pub(crate) async fn slow_journal(&self, node: usize, pause: Duration) -> SlowJournal {
        SlowJournal::start(self.address(node), pause).await
    }

    async fn some_primary(&self) -> usize {
        self.wait_for_primary(START_LIMIT).await.0
    }
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap()
}
