//! When something was broken deliberately, and for whom.

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
    /// Whether a server is dead from its beginning, and new from its end.
    kills: bool,
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

    /// Whether a server is hit.
    pub(crate) fn hits_server(&self, server: u64) -> bool {
        self.scope == Scope::All || self.scope == Scope::Server(server)
    }

    /// Whether the process that a connection was made to is dead for good.
    pub(crate) fn kills(&self, conn: &Conn) -> bool {
        self.kills && self.hits(conn) && conn.open.t < self.begin
    }

    /// Whether it is one of a server or its clients, not of the database.
    pub(crate) fn is_of_server(&self) -> bool {
        self.stops_answers
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

/// The faults of a history, by their beginnings.
pub(super) fn gather(history: &History) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for line in &history.lines {
        match &line.event {
            Event::Fault {
                id,
                what,
                of,
                stops_answers,
                loses_writes,
            } => {
                open.insert(id.to_string(), faults.len());
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
                    stops_answers: *stops_answers,
                    loses_writes: *loses_writes,
                    kills: what.starts_with("kill-server"),
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
