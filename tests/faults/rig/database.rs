//! One mongod or three, and what can happen to them.

use std::time::Duration;

use tokio::time::sleep;

use crate::plan::{Failure, Topology};
use crate::proxy::Proxy;
use crate::system::{self, FailCommand, Single, Trio};

/// How long an election may take at most.
const ELECTED_WITHIN: Duration = Duration::from_secs(20);
/// The commands that are made to fail: what a server writes and reads most.
const COMMANDS: [&str; 4] = ["insert", "update", "find", "aggregate"];
/// How long commands are made to fail, should few be run.
const FAIL_WITHIN: Duration = Duration::from_millis(1500);
/// How long each journaled write waits while the journal is slow.
const JOURNAL_PAUSE: Duration = Duration::from_millis(150);

/// The database below the servers.
pub(crate) enum Database {
    Single(Box<Single>),
    Trio(Trio),
}

impl Database {
    pub(crate) async fn start(topology: Topology) -> Self {
        match topology {
            Topology::Single => Self::Single(Box::new(Single::start("faults").await)),
            Topology::Trio => Self::Trio(Trio::start("faults").await),
        }
    }

    /// Where it is, past every proxy.
    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Single(single) => single.uri(None),
            Self::Trio(trio) => trio.uri(),
        }
    }

    /// A proxy to it; none for three, whose members are found by their own names.
    pub(crate) fn link(&self, seed: u64) -> Option<Proxy> {
        match self {
            Self::Single(single) => Some(Proxy::to_mongod(single.address(), seed).unwrap()),
            Self::Trio(_) => None,
        }
    }

    /// What each node says of itself.
    pub(crate) async fn states(&self) -> Vec<String> {
        match self {
            Self::Single(single) => vec![single.state().await],
            Self::Trio(trio) => trio.states().await,
        }
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> u32 {
        match self {
            Self::Single(_) => 1,
            Self::Trio(_) => 3,
        }
    }

    /// `kill -9`, of three of the primary, and a start when that is noticed.
    pub(crate) async fn kill_and_restart(&mut self) {
        match self {
            Self::Single(single) => {
                single.kill().await;
                single.restart().await;
            }
            Self::Trio(trio) => {
                trio.kill_primary().await;
                trio.wait_for_primary(ELECTED_WITHIN).await;
                trio.restart_dead().await;
            }
        }
    }

    /// SIGSTOP, of three to the primary, and SIGCONT.
    pub(crate) async fn stop_for(&mut self, how_long: Duration) {
        match self {
            Self::Single(single) => {
                single.stop();
                sleep(how_long).await;
                single.cont();
            }
            Self::Trio(trio) => {
                let primary = trio.stop_primary().await;
                sleep(how_long).await;
                trio.cont(primary);
                trio.wait_for_primary(ELECTED_WITHIN).await;
                trio.wait_for_all(ELECTED_WITHIN).await;
            }
        }
    }

    /// With three nodes, the primary steps down.
    pub(crate) async fn step_down(&mut self) {
        if let Self::Trio(trio) = self {
            trio.step_down().await;
            trio.wait_for_primary(ELECTED_WITHIN).await;
            trio.wait_for_all(ELECTED_WITHIN).await;
        }
    }

    /// The secondaries of three stand still for a while, then all three die,
    /// and the two go on without what they had not got.
    ///
    /// They die as well because the primary streams to them: what waits in their
    /// sockets would reach them after they were frozen.
    pub(crate) async fn lose_primary(&mut self, how_long: Duration) {
        if let Self::Trio(trio) = self {
            let (primary, _) = trio.wait_for_primary(ELECTED_WITHIN).await;
            let others: Vec<usize> = (0..3).filter(|node| *node != primary).collect();
            for node in &others {
                trio.freeze(*node);
            }
            sleep(how_long).await;
            trio.kill_node(primary).await;
            for node in &others {
                trio.kill_node(*node).await;
            }
            for node in &others {
                trio.restart_node(*node).await;
            }
            trio.wait_for_primary(ELECTED_WITHIN).await;
            trio.restart_dead().await;
        }
    }

    /// The next commands of the servers fail, most often the first of several;
    /// whether any did.
    pub(crate) async fn fail_commands(&mut self, how: Failure, times: u32) -> bool {
        let failure = match how {
            Failure::Close => system::Failure::CloseConnection,
            Failure::ShuttingDown => system::Failure::ErrorCode(91),
            Failure::Interrupted => system::Failure::ErrorCode(11602),
            Failure::WriteConcern => system::Failure::WriteConcernError(64),
        };
        let mut fail = FailCommand::next(times, &COMMANDS, failure);
        fail.app_name = Some("chatzz");
        match self {
            Self::Single(single) => {
                let before = single.off().await;
                single.fail_command(fail).await;
                sleep(FAIL_WITHIN).await;
                single.off().await > before
            }
            Self::Trio(trio) => {
                let (primary, _) = trio.wait_for_primary(ELECTED_WITHIN).await;
                let before = trio.off(primary).await;
                trio.fail_command(primary, fail).await;
                sleep(FAIL_WITHIN).await;
                trio.off(primary).await > before
            }
        }
    }

    /// Journaled writes wait, for a while.
    pub(crate) async fn slow_journal(&mut self, how_long: Duration) {
        let slow = match self {
            Self::Single(single) => single.slow_journal(JOURNAL_PAUSE).await,
            Self::Trio(trio) => {
                let (primary, _) = trio.wait_for_primary(ELECTED_WITHIN).await;
                trio.slow_journal(primary, JOURNAL_PAUSE).await
            }
        };
        sleep(how_long).await;
        slow.end().await;
    }
}
