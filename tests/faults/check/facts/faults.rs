//! When something was broken on purpose, and for whom.

use std::collections::HashMap;

use serde_json::Value;

use super::Conn;
use crate::history::{Event, History};

/// A time that does not come.
pub(crate) const NEVER: u64 = u64::MAX;

/// A fault. Times are microseconds since the run began.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) begin: u64,
    /// [`NEVER`] for one that was not healed.
    pub(crate) end: u64,
    scope: Scope,
    /// Whether it stops a server or a link, so that nothing can be answered; a
    /// fault of the database still lets the server answer in time.
    stops_answers: bool,
    /// Whether what a server had not written yet may be lost.
    loses_writes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Server(u64),
    Connection(u64),
}

impl Fault {
    /// Whether a connection is hit.
    pub(crate) fn hits(&self, conn: &Conn) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Server(server) => conn.server == server,
            Scope::Connection(c) => conn.c == c,
        }
    }

    /// Whether answers to this connection have to wait for its end.
    pub(crate) fn stops_answers(&self, conn: &Conn) -> bool {
        self.stops_answers && self.hits(conn)
    }

    /// Whether what is written behind may be lost.
    pub(crate) fn loses_writes(&self) -> bool {
        self.loses_writes
    }
}

/// Whether the name of a fault says that it is one of the database.
fn is_of_database(what: &str) -> bool {
    [
        "mongo",
        "step",
        "primary",
        "command",
        "database",
        "failpoint",
    ]
    .iter()
    .any(|word| what.contains(word))
}

/// The faults of a history, by their beginnings.
pub(super) fn gather(history: &History) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for line in &history.lines {
        match &line.event {
            Event::Fault { id, what, of } => {
                open.insert(id.to_string(), faults.len());
                let of_database = is_of_database(what);
                let field = |name| {
                    of.as_ref()
                        .and_then(|of| of.get(name))
                        .and_then(Value::as_u64)
                };
                faults.push(Fault {
                    begin: line.t,
                    end: NEVER,
                    scope: match (field("c"), field("server")) {
                        (Some(c), _) => Scope::Connection(c),
                        (None, Some(server)) => Scope::Server(server),
                        (None, None) => Scope::All,
                    },
                    stops_answers: !of_database,
                    loses_writes: of_database || what.contains("server"),
                });
            }
            Event::Healed { id } => {
                if let Some(index) = open.remove(&id.to_string()) {
                    faults[index].end = line.t;
                }
            }
            _ => {}
        }
    }
    faults
}

/// Lengthens the bound `from + wait` by as long as one of the faults was there.
pub(crate) fn extended<'a>(from: u64, wait: u64, faults: impl Iterator<Item = &'a Fault>) -> u64 {
    let (mut bound, mut counted) = (from.saturating_add(wait), from);
    for fault in faults {
        let begin = fault.begin.max(counted);
        if fault.begin < bound && fault.end > begin {
            bound = bound.saturating_add(fault.end - begin);
            counted = fault.end;
        }
    }
    bound
}
