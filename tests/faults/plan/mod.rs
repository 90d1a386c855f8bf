//! What a run does: everything that follows from its seed, as data.

mod generate;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::history::Policy;

pub(crate) use generate::{Shape, generate};

/// A run, replayable from its file.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a plan says of each habit whether people have it"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Where every choice of the run comes from.
    pub(crate) seed: u64,
    /// What the servers store in.
    pub(crate) topology: Topology,
    /// How many server processes share the database.
    pub(crate) servers: usize,
    /// Whether the servers have NATS, each behind a fault proxy.
    #[serde(default)]
    pub(crate) nats: bool,
    /// By how many seconds the clock of each server is wrong; empty when all are right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) clocks: Vec<i64>,
    /// How many people there are.
    pub(crate) users: usize,
    /// The pairs that have a chat room, by number of user.
    pub(crate) rooms: Vec<(usize, usize)>,
    /// Messages that have to be acknowledged before the run may end.
    pub(crate) sends: u64,
    /// Whether connections are ended, silenced and reopened by the people
    /// themselves; without, every failure that a client sees has another cause.
    pub(crate) restless: bool,
    /// Whether the first person, and nobody else, is behind `Link::Some`.
    #[serde(default)]
    pub(crate) first_apart: bool,
    /// How long people stay away between two connections at most,
    /// milliseconds; 0 for those who come back at once.
    #[serde(default)]
    pub(crate) away_ms: u64,
    /// Whether people say of single messages that they have read them, and nothing of
    /// positions, and read no history.
    #[serde(default)]
    pub(crate) one_by_one: bool,
    /// Whether people block each other for a while.
    #[serde(default)]
    pub(crate) blocks: bool,
    /// Sends that the application makes in people's name, by the HTTP API, in percent.
    #[serde(default)]
    pub(crate) by_api: u8,
    /// Whether the application removes what some messages say.
    #[serde(default)]
    pub(crate) redacts: bool,
    /// Whether the application pulls events.
    #[serde(default)]
    pub(crate) pulls: bool,
    /// Whether it is pushed events.
    #[serde(default)]
    pub(crate) pushes: bool,
    /// Whether it is asked about messages, and what happens when it cannot be.
    #[serde(default)]
    pub(crate) hooks: Option<Policy>,
    /// The faults, one after the other.
    pub(crate) steps: Vec<Step>,
    /// Sends without a `clientId`, in percent.
    pub(crate) anonymous: u8,
    /// Bytes added to every message.
    pub(crate) padding: usize,
    /// Keys of the servers beside the usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) keys: BTreeMap<String, String>,
    /// The seeded bug of the servers, if they are to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bug: Option<String>,
}

/// The database below the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Topology {
    /// One mongod, a replica set by itself, reached through a fault proxy.
    Single,
    /// A replica set of three.
    Trio,
}

/// One fault and the peace before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Milliseconds of peace before the fault.
    pub(crate) after_ms: u64,
    /// A fault.
    pub(crate) fault: Fault,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// `kill -9` of a server, which is started again on its port, at once
    /// unless it stays dead for a while.
    KillServer {
        server: usize,
        #[serde(default)]
        down_ms: u64,
    },
    /// The same a while after the log of events has refused every entry: what was
    /// acknowledged meanwhile is not in it.
    KillServerUnlogged { server: usize, ms: u64 },
    /// SIGTERM, and another start when it has ended.
    RestartServer { server: usize },
    /// SIGSTOP, and SIGCONT after a while.
    StopServer { server: usize, ms: u64 },
    /// `kill -9` of the mongod, of three the primary, and another start.
    KillMongod,
    /// SIGSTOP of the mongod, of three the primary, and SIGCONT.
    StopMongod { ms: u64 },
    /// `replSetStepDown` of the primary.
    StepDown,
    /// The secondaries stand still, then all die of `kill -9`, and those two go
    /// on without what they had not got; the primary comes last.
    LosePrimary { ms: u64 },
    /// The mongod answers the next commands of some names with a failure.
    FailCommand { how: Failure, times: u32 },
    /// The next replies to writes never reach the server.
    LoseReplies { server: usize, count: u64 },
    /// `kill -9` of the nats-server, which is started again after a while.
    KillNats { down_ms: u64 },
    /// SIGSTOP of the nats-server, and SIGCONT after a while.
    StopNats { ms: u64 },
    /// Somebody without the key publishes frames to the servers.
    ForgeFrames { ms: u64 },
    /// The journal is written late.
    SlowJournal { ms: u64 },
    /// Something is wrong with a link.
    Link {
        server: usize,
        link: Link,
        trouble: Trouble,
        ms: u64,
    },
}

/// How a command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    /// The connection is closed before the command is done.
    Close,
    /// `ShutdownInProgress`, before it is done.
    ShuttingDown,
    /// `InterruptedDueToReplStateChange`, before it is done.
    Interrupted,
    /// Done, but with a failed write concern (64).
    WriteConcern,
}

/// A connection of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Link {
    /// Between people and server.
    Clients,
    /// The same for some of the people alone.
    Some,
    /// Between server and database.
    Database,
    /// Between server and NATS.
    Bus,
}

/// What a link does to its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Trouble {
    /// Everything comes 20 to 120 ms late.
    Delay,
    /// 64 KiB per second.
    Throttle,
    /// A KiB per second towards the near side, where frames do not arrive within the ping
    /// timeout, and a reset of whatever is on its way in the end.
    Crawl,
    /// Every byte in a packet of its own.
    Slices,
    /// What the near side sends is not read.
    StallUp,
    /// What the far side sends is not read.
    StallDown,
    /// Neither side is read.
    StallBoth,
    /// Nothing arrives in either direction.
    Blackhole,
    /// Every connection is reset.
    Reset,
    /// One direction of every connection is shut.
    HalfClose,
    /// Every connection is reset some bytes later, within a frame.
    Cut,
}

impl Fault {
    /// Its name in the history and in the figures, such as `kill-server` or
    /// `database-link:reset`.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Link { link, trouble, .. } => {
                let of = match link {
                    Link::Clients | Link::Some => "link",
                    Link::Database => "database-link",
                    Link::Bus => "bus-link",
                };
                format!("{of}:{}", plain_name(trouble))
            }
            Self::FailCommand { how, .. } => format!("fail-command:{}", plain_name(how)),
            other => plain_name(other),
        }
    }

    /// Whether it may keep answers away for longer than their deadline. What
    /// is wrong with the database may not: a server says so in time.
    pub(crate) fn stops_answers(&self) -> bool {
        match self {
            Self::KillServer { .. }
            | Self::KillServerUnlogged { .. }
            | Self::RestartServer { .. }
            | Self::StopServer { .. } => true,
            Self::Link { link, .. } => matches!(link, Link::Clients | Link::Some),
            Self::KillMongod
            | Self::StopMongod { .. }
            | Self::StepDown
            | Self::LosePrimary { .. }
            | Self::FailCommand { .. }
            | Self::LoseReplies { .. }
            | Self::KillNats { .. }
            | Self::StopNats { .. }
            | Self::ForgeFrames { .. }
            | Self::SlowJournal { .. } => false,
        }
    }

    /// Whether what a server had not written yet may be lost.
    pub(crate) fn loses_writes(&self) -> bool {
        match self {
            Self::KillServer { .. }
            | Self::KillServerUnlogged { .. }
            | Self::RestartServer { .. }
            | Self::StopServer { .. }
            | Self::KillMongod
            | Self::StopMongod { .. }
            | Self::StepDown
            | Self::LosePrimary { .. }
            | Self::FailCommand { .. }
            | Self::LoseReplies { .. } => true,
            Self::Link { link, .. } => matches!(link, Link::Database),
            Self::SlowJournal { .. }
            | Self::KillNats { .. }
            | Self::StopNats { .. }
            | Self::ForgeFrames { .. } => false,
        }
    }

    /// The one server that it hits; `None` when it hits all.
    pub(crate) fn server(&self) -> Option<usize> {
        match self {
            Self::KillServer { server, .. }
            | Self::KillServerUnlogged { server, .. }
            | Self::RestartServer { server }
            | Self::StopServer { server, .. }
            | Self::LoseReplies { server, .. }
            | Self::Link { server, .. } => Some(*server),
            _ => None,
        }
    }
}

/// The name of a variant, as it is in a plan.
fn plain_name(of: &impl Serialize) -> String {
    let value = serde_json::to_value(of).expect("it is plain data");
    let name = match &value {
        serde_json::Value::Object(fields) => fields.keys().next().cloned(),
        other => other.as_str().map(str::to_owned),
    };
    name.expect("an enum has a name")
}

impl Plan {
    /// Reads the plan of an earlier run.
    ///
    /// # Errors
    /// A sentence, when there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Writes the plan, so that the run can be had again.
    ///
    /// # Panics
    /// Panics when it cannot be written.
    pub(crate) fn write(&self, path: &Path) {
        let text = serde_json::to_string_pretty(self).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
}
