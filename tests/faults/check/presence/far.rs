//! What one server may and must know of people at another server.
//!
//! Servers learn of each other's people from the database, at most `crossMs` later. When
//! one is killed, its people are offline when it is back, or when the others have noticed
//! that its lease expired: after the lease and a third.

use super::truth::{Times, gaps, gone, merge, surely_there_until};
use crate::check::facts::{Conn, Facts, Result};

/// When a connection may, and must, make its user online at another server.
pub(super) fn far(facts: &Facts<'_>, conn: &Conn, at: u64) -> (Times, Times) {
    (possible(facts, conn, at), certain(facts, conn, at))
}

fn cross(facts: &Facts<'_>) -> u64 {
    facts.run.cross_ms * 1000
}

fn possible(facts: &Facts<'_>, conn: &Conn, at: u64) -> Times {
    let run = facts.run;
    let (gone, killed) = match killed(facts, conn) {
        Some((gone, fault)) => (gone, Some(fault)),
        None => (gone(facts, conn), None),
    };
    let blind = blind(facts, conn, at, killed);
    let logins = conn.logins.iter().map(|op| &facts.ops[*op]);
    let times = logins.map(|op| {
        let end = match op.answer {
            Some((at, Result::Failed)) => at.t + (run.grace_ms + run.slack_ms) * 1000,
            _ => gone,
        };
        let mut end = end.saturating_add(cross(facts));
        for (begin, over) in &blind {
            if *begin <= end {
                end = end.max(*over);
            }
        }
        (op.invoke.t, end)
    });
    times.collect()
}

fn certain(facts: &Facts<'_>, conn: &Conn, at: u64) -> Times {
    let answered = conn.logins.iter().filter_map(|op| facts.ops[*op].answer);
    let mut oks = answered.filter(|(_, result)| *result == Result::Ok);
    let Some((ok, _)) = oks.next() else {
        return Times::new();
    };
    let from = ok.t + facts.run.slack_ms * 1000 + cross(facts);
    let blind = blind(facts, conn, at, None);
    gaps(&blind, from, surely_there_until(facts, conn))
}

/// When the people of a killed server are offline, and which fault killed it.
fn killed(facts: &Facts<'_>, conn: &Conn) -> Option<(u64, usize)> {
    let slack = facts.run.slack_ms * 1000;
    let (closed, _) = conn.close?;
    let mut faults = facts.faults.iter().enumerate();
    let (index, fault) = faults.find(|(_, fault)| {
        let meanwhile = closed.t >= fault.begin && closed.t <= fault.end.saturating_add(slack);
        meanwhile && fault.kills(conn)
    })?;
    let noticed = fault.begin.saturating_add(lease(facts));
    Some((noticed.min(fault.end).saturating_add(slack), index))
}

/// After this the people of a dead server are offline for the others.
fn lease(facts: &Facts<'_>) -> u64 {
    let lease = facts.run.lease_ms * 1000;
    lease + lease / 3
}

/// The times in which a fault may keep a server from knowing of a connection at
/// another; `but` is one that is judged by itself. A fault of the database that
/// outlasts a lease is as one of a server.
fn blind(facts: &Facts<'_>, conn: &Conn, at: u64, but: Option<usize>) -> Times {
    let slack = facts.run.slack_ms * 1000;
    let after = lease(facts) + cross(facts);
    let faults = facts.faults.iter().enumerate();
    let mut times: Times = faults
        .filter(|(index, fault)| but != Some(*index) && (fault.hits(conn) || fault.hits_server(at)))
        .map(|(_, fault)| {
            let long = fault.end.saturating_sub(fault.begin) > facts.run.lease_ms * 1000 / 2;
            let after = if long || fault.is_of_server() {
                after
            } else {
                cross(facts)
            };
            let end = fault.end.saturating_add(after + slack);
            (fault.begin.saturating_sub(slack), end)
        })
        .filter(|(_, end)| *end >= conn.open.t)
        .collect();
    merge(&mut times);
    times
}
