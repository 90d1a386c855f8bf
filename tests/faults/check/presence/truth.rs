//! When a person was surely, and when possibly, online.

use std::collections::{BTreeMap, HashMap};

use super::far::far;
use super::is_login;
use crate::check::facts::{Conn, Facts, Fault, NEVER, Result, Sym};
use crate::history::Close;

/// Disjoint times, ascending: begin and end.
pub(super) type Times = Vec<(u64, u64)>;

/// A person at one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Here {
    /// Outside of these times the person is surely offline.
    pub(super) possible: Times,
    /// In these times the person is surely online, and everybody had time to learn of it.
    pub(super) certain: Times,
}

/// A person, by server.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    servers: BTreeMap<u64, Here>,
}

impl Truth {
    pub(super) fn gather(facts: &Facts<'_>) -> HashMap<Sym, Self> {
        let mut truths: HashMap<Sym, Self> = HashMap::new();
        for conn in &facts.conns {
            let truth = truths.entry(conn.user).or_default();
            let here = truth.servers.entry(conn.server).or_default();
            here.possible.extend(possible(facts, conn));
            here.certain.extend(certain(facts, conn));
        }
        for truth in truths.values_mut() {
            for here in truth.servers.values_mut() {
                merge(&mut here.possible);
                merge(&mut here.certain);
            }
        }
        truths
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = &Here> {
        self.servers.values()
    }

    /// Whether the person was ever at another server.
    pub(super) fn is_elsewhere(&self, server: u64) -> bool {
        self.servers.keys().any(|other| *other != server)
    }
}

/// What the servers must know of people.
pub(super) struct Views<'a> {
    facts: &'a Facts<'a>,
    conns: HashMap<Sym, Vec<&'a Conn>>,
    known: HashMap<(u64, Sym), Here>,
}

impl<'a> Views<'a> {
    pub(super) fn new(facts: &'a Facts<'a>) -> Self {
        let mut conns: HashMap<Sym, Vec<&Conn>> = HashMap::new();
        for conn in &facts.conns {
            conns.entry(conn.user).or_default().push(conn);
        }
        Self {
            facts,
            conns,
            known: HashMap::new(),
        }
    }

    /// The presence of a person as a server must know it.
    pub(super) fn at(&mut self, server: u64, user: Sym) -> &Here {
        let (facts, conns) = (self.facts, self.conns.get(&user));
        self.known.entry((server, user)).or_insert_with(|| {
            let mut here = Here::default();
            for conn in conns.into_iter().flatten() {
                let (may, must) = if conn.server == server {
                    (possible(facts, conn), certain(facts, conn))
                } else {
                    far(facts, conn, server)
                };
                here.possible.extend(may);
                here.certain.extend(must);
            }
            merge(&mut here.possible);
            merge(&mut here.certain);
            here
        })
    }
}

/// When anybody's sockets may have been there, by person.
pub(in crate::check) fn possible_times(facts: &Facts<'_>) -> HashMap<Sym, Vec<(u64, u64)>> {
    let mut all: HashMap<Sym, Times> = HashMap::new();
    // a server may hold on to a polled session for as long as to a silent one
    let silent = facts.run.silent_ms * 1000;
    for conn in &facts.conns {
        let times = possible(facts, conn).into_iter();
        let times = times.map(|(begin, end)| (begin, end.saturating_add(silent)));
        all.entry(conn.user).or_default().extend(times);
    }
    all.values_mut().for_each(merge);
    all
}

/// When a connection may have made its user online.
fn possible(facts: &Facts<'_>, conn: &Conn) -> Times {
    let run = facts.run;
    let logins = conn.logins.iter().map(|op| &facts.ops[*op]);
    let mut times = Times::new();
    for op in logins.filter(|op| is_login(&op.request)) {
        let end = match op.answer {
            // it was there until it was turned away
            Some((at, Result::Failed)) => at.t + (run.grace_ms + run.slack_ms) * 1000,
            _ => gone(facts, conn),
        };
        times.push((op.invoke.t, end));
    }
    times
}

/// When everybody at its server has been notified that a connection has ended.
pub(super) fn gone(facts: &Facts<'_>, conn: &Conn) -> u64 {
    let run = facts.run;
    let Some((at, how)) = conn.close else {
        return NEVER;
    };
    let wait = match how {
        Close::Clean => 0,
        Close::Cut | Close::Lost => run.grace_ms,
        Close::Silent => run.silent_ms,
    };
    let slack = run.slack_ms * 1000;
    let mut bound = at.t + wait * 1000 + slack;
    for fault in hitting(facts, conn) {
        if fault.begin <= bound && fault.end.saturating_add(slack) >= at.t {
            let healed = fault.end.saturating_add(run.lease_ms * 1000 + slack);
            bound = bound.max(healed);
        }
    }
    bound
}

/// When a connection surely made its user online.
fn certain(facts: &Facts<'_>, conn: &Conn) -> Times {
    let answered = conn.logins.iter().filter_map(|op| facts.ops[*op].answer);
    let mut oks = answered.filter(|(_, result)| *result == Result::Ok);
    let Some((at, _)) = oks.next() else {
        return Times::new();
    };
    let from = at.t + facts.run.slack_ms * 1000;
    let until = surely_there_until(facts, conn);
    gaps(&fault_windows(facts, conn), from, until)
}

/// Until when a connection surely worked. What ended from outside may have done
/// so before it was seen; the silence bound before, or when a fault began.
pub(super) fn surely_there_until(facts: &Facts<'_>, conn: &Conn) -> u64 {
    let run = facts.run;
    match conn.close {
        None => facts.end.t,
        Some((at, Close::Lost)) => {
            let unnoticed = (run.silent_ms + run.slack_ms) * 1000;
            at.t.saturating_sub(unnoticed)
        }
        Some((at, _)) => at.t,
    }
}

/// The times in which faults that hit a connection may show, or their effects.
pub(super) fn fault_windows(facts: &Facts<'_>, conn: &Conn) -> Times {
    let slack = facts.run.slack_ms * 1000;
    let after = facts.run.lease_ms * 1000 + slack;
    let ends = conn.close.map_or(NEVER, |(at, _)| at.t);
    let mut times: Times = hitting(facts, conn)
        .map(|fault| {
            let begin = fault.begin.saturating_sub(slack);
            (begin, fault.end.saturating_add(after))
        })
        .filter(|(begin, end)| *begin <= ends && *end >= conn.open.t)
        .collect();
    merge(&mut times);
    times
}

/// Faults of its server or its link; what the database does is nothing to people
/// of one server.
fn hitting<'a>(facts: &'a Facts<'_>, conn: &'a Conn) -> impl Iterator<Item = &'a Fault> {
    let faults = facts.faults.iter();
    faults.filter(|fault| fault.hits(conn) && fault.is_of_server())
}

pub(super) fn merge(times: &mut Times) {
    times.retain(|(begin, end)| begin <= end);
    times.sort_unstable();
    let mut merged = Times::with_capacity(times.len());
    for (begin, end) in times.drain(..) {
        match merged.last_mut() {
            Some((_, last)) if *last >= begin => *last = (*last).max(end),
            _ => merged.push((begin, end)),
        }
    }
    *times = merged;
}

/// What of `from .. to` lies within.
pub(super) fn overlaps(times: &Times, from: u64, to: u64) -> Times {
    let first = times.partition_point(|(_, end)| *end <= from);
    times[first..]
        .iter()
        .take_while(|(begin, _)| *begin < to)
        .map(|(begin, end)| ((*begin).max(from), (*end).min(to)))
        .collect()
}

/// What of `from .. to` lies outside.
pub(super) fn gaps(times: &Times, from: u64, to: u64) -> Times {
    let mut gaps = Times::new();
    let mut begin = from;
    for (start, end) in overlaps(times, from, to) {
        if begin < start {
            gaps.push((begin, start));
        }
        begin = end;
    }
    if begin < to {
        gaps.push((begin, to));
    }
    gaps
}

/// The line of the last login or end of a person's connections up to a time.
pub(super) fn last_change(facts: &Facts<'_>, user: Sym, until: u64) -> usize {
    let conns = facts.conns.iter().filter(|conn| conn.user == user);
    let changes = conns.flat_map(|conn| [conn.details, conn.close.map(|(at, _)| at)]);
    let before = changes.flatten().filter(|at| at.t <= until);
    before.map(|at| at.line).max().unwrap_or(0)
}
