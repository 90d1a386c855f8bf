//! I11: presence agrees with the truth, within the bounds.
//!
//! The truth about a person at a server consists of their logged-in connections there and
//! of those at other servers, which it learns of `crossMs` later ([`far`]). Since neither
//! the client nor the recorder sees when a server notices, there are three times
//! ([`truth`]): *surely online*, *surely offline*, and between. A watcher is a connection
//! of a contact; it knows what it received last. Knowing "online" while the person is
//! surely offline is a violation, as is "offline" while they are surely online.
//!
//! | end of the last connection | surely offline after |
//! |---|---|
//! | clean | the slack |
//! | cut, lost | the grace and the slack |
//! | silent | ping interval + timeout + 1 s (`silentMs`) and the slack |
//! | any, while a fault of its server or link hits it | the fault's end, the lease and the slack |
//! | at another server | the same and `crossMs` |
//! | at another server, killed | the earlier of its return and lease + a third, the slack, `crossMs` |
//!
//! A fault that hits the watcher delays their notifications as much. A fault of the
//! database excuses only what a server knows of the people of other servers: its own
//! people it knows from memory.

mod far;
mod truth;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::facts::{Facts, Request, Sym, Told};
use super::{Invariant, Judged, Report};
use crate::history::Phase;
pub(super) use truth::possible_times;
use truth::{Here, Times, Truth, Views, fault_windows, surely_there_until};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) -> Judged {
    let mut judged = Judged::default();
    let mut views = Views::new(facts);
    let truths = Truth::gather(facts);
    let mut known: BTreeMap<(usize, Sym), Vec<&Told>> = BTreeMap::new();
    for announced in &facts.announced {
        known
            .entry((announced.conn, announced.about))
            .or_default()
            .push(announced);
    }
    let blocks = blocks(facts);
    for ((conn, about), announced) in known {
        if blocks.contains(&(about, facts.conns[conn].user)) {
            continue;
        }
        let server = facts.conns[conn].server;
        let truth = truths.get(&about);
        let elsewhere = truth.is_some_and(|truth| truth.is_elsewhere(server));
        let sight = Sight {
            index: conn,
            about,
            elsewhere,
            here: views.at(server, about),
        };
        let judged_here = sight.judge(facts, &announced, report);
        judged.watched_us += judged_here;
        if elsewhere {
            judged.across_us += judged_here;
        }
    }
    dump(facts, &truths, report);
    judged
}

/// Who ever blocked whom: such a person is shown offline, whatever is true.
fn blocks(facts: &Facts<'_>) -> HashSet<(Sym, Sym)> {
    let blocks = facts.ops.iter().filter_map(|op| match op.request {
        Request::Block(whom) => Some((facts.conns[op.conn].user, whom)),
        _ => None,
    });
    blocks.collect()
}

/// One connection's view of one person.
struct Sight<'a> {
    index: usize,
    about: Sym,
    /// Whether they were ever at another server.
    elsewhere: bool,
    here: &'a Here,
}

impl Sight<'_> {
    /// Judges what the connection knew over time; how long it could be judged.
    fn judge(&self, facts: &Facts<'_>, announced: &[&Told], report: &mut Report) -> u64 {
        let conn = &facts.conns[self.index];
        let until = surely_there_until(facts, conn);
        let blind = fault_windows(facts, conn);
        let announced: Vec<&Told> = announced
            .iter()
            .filter(|one| !is_overtaken(one, announced))
            .copied()
            .collect();
        let mut judged_us = 0;
        for (place, one) in announced.iter().enumerate() {
            let next = announced.get(place + 1).map_or(until, |next| next.at.t);
            // what was requested may be as old as news from other servers
            let old = one.asked.is_some() && self.elsewhere;
            let age = if old { facts.run.cross_ms * 1000 } else { 0 };
            let (from, to) = (one.at.t + age, next.min(until));
            if from >= to {
                continue;
            }
            let (certain, possible) = (&self.here.certain, &self.here.possible);
            let online = truth::overlaps(certain, from, to);
            let offline = truth::gaps(possible, from, to);
            for (begin, end) in online.iter().chain(&offline) {
                let seen = truth::gaps(&blind, *begin, *end).into_iter();
                judged_us += seen.map(|(begin, end)| end - begin).sum::<u64>();
            }
            let wrong = if one.online { offline } else { online };
            let mut wrong = wrong.into_iter();
            let wrong = wrong.find_map(|(begin, end)| judged(facts, one, begin, end, &blind));
            if let Some((since, end)) = wrong {
                self.tell(facts, one, (since, end), report);
            }
        }
        judged_us
    }

    fn tell(&self, facts: &Facts<'_>, one: &Told, when: (u64, u64), report: &mut Report) {
        let (since, end) = when;
        let line = truth::last_change(facts, self.about, since);
        report.add(Invariant::I11, &[line, one.at.line], || {
            let (conn, about) = (facts.conn(self.index), facts.user(self.about));
            let (knows, truth) = if one.online {
                ("online", "offline")
            } else {
                ("offline", "online")
            };
            let ms = (end - since) / 1000;
            format!("{conn} took {about} for {knows} for {ms} ms, who was {truth}")
        });
    }
}

/// The part of a wrong time that counts: notifications get the slack, and faults that hit
/// the watcher do not count.
fn judged(
    facts: &Facts<'_>,
    announced: &Told,
    begin: u64,
    end: u64,
    blind: &Times,
) -> Option<(u64, u64)> {
    let mut begin = begin;
    for (from, to) in blind {
        if *from < end && *to > begin {
            begin = *to;
        }
    }
    let allowed = if announced.at.t >= begin {
        facts.run.slack_ms * 1000
    } else {
        0
    };
    (end > begin.saturating_add(allowed)).then_some((begin, end))
}

/// Whether a requested state is older than what was announced in the meantime.
fn is_overtaken(one: &Told, all: &[&Told]) -> bool {
    one.asked.is_some_and(|asked| {
        let between = |other: &&Told| {
            other.asked.is_none() && other.at > asked && other.at.line < one.at.line
        };
        all.iter().any(between)
    })
}

/// The database at the end: it is read then, and the remaining people disconnect later.
fn dump(facts: &Facts<'_>, truths: &HashMap<Sym, Truth>, report: &mut Report) {
    let none = Truth::default();
    let now = facts.phase(Phase::End).unwrap_or(facts.end).t;
    let mut shown: Vec<(Sym, bool)> = facts.shown_online.iter().map(|(u, o)| (*u, *o)).collect();
    shown.sort_unstable();
    for (user, online) in shown {
        let truth = truths.get(&user).unwrap_or(&none);
        let at = |times: &Times| times.iter().any(|(from, to)| *from <= now && now <= *to);
        let possible = truth.servers().any(|here| at(&here.possible));
        let certain = truth.servers().any(|here| at(&here.certain));
        if (online && !possible) || (!online && certain) {
            let line = truth::last_change(facts, user, now);
            report.add(Invariant::I11, &[line], || {
                let (user, shown) = (facts.user(user), if online { "online" } else { "offline" });
                format!("the database shows {user} {shown} at the end")
            });
        }
    }
}

/// Whether an operation is a login that may have made somebody online.
fn is_login(request: &Request) -> bool {
    *request == Request::Connect
}
