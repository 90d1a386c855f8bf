//! I11: presence agrees with the truth, within the bounds.
//!
//! The truth of a person at a server is what his logged-in connections there
//! say. Since neither the client nor the recorder sees when a server notices,
//! there are three times ([`truth`]): *surely online*, *surely offline*, and
//! between. A watcher is a connection of a contact; what it knows is the last it
//! was told. Knowing "online" while the person is surely offline is a violation,
//! as is "offline" while he is surely online.
//!
//! | end of the last connection | surely offline after |
//! |---|---|
//! | clean | the slack |
//! | cut, lost | the grace and the slack |
//! | silent | ping interval + timeout + 1 s (`silentMs`) and the slack |
//! | any, while a fault hits it | the fault's end, the lease and the slack |
//!
//! A fault that hits the watcher delays what he is told as much.

mod truth;

use std::collections::{BTreeMap, HashMap};

use super::facts::{Facts, Request, Sym, Told};
use super::{Invariant, Report};
use truth::{Times, Truth, fault_windows, surely_there_until};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let truths = Truth::gather(facts);
    let mut known: BTreeMap<(usize, Sym), Vec<&Told>> = BTreeMap::new();
    for told in &facts.told {
        known.entry((told.conn, told.about)).or_default().push(told);
    }
    for ((conn, about), told) in known {
        watcher(facts, &truths, conn, about, &told, report);
    }
    dump(facts, &truths, report);
}

/// What one connection knew of one person over time.
fn watcher(
    facts: &Facts<'_>,
    truths: &HashMap<Sym, Truth>,
    index: usize,
    about: Sym,
    told: &[&Told],
    report: &mut Report,
) {
    let conn = &facts.conns[index];
    let none = Truth::default();
    let truth = truths.get(&about).unwrap_or(&none);
    let until = surely_there_until(facts, conn);
    // servers do not tell each other who comes and goes
    if truth.is_elsewhere(conn.server, conn.open.t, until) {
        return;
    }
    let here = truth.at(conn.server);
    let blind = fault_windows(facts, conn);
    let told: Vec<&Told> = told
        .iter()
        .filter(|one| !is_overtaken(one, told))
        .copied()
        .collect();
    for (place, one) in told.iter().enumerate() {
        let next = told.get(place + 1).map_or(until, |next| next.at.t);
        let (from, to) = (one.at.t, next.min(until));
        if from >= to {
            continue;
        }
        let wrong = if one.online {
            truth::gaps(&here.possible, from, to)
        } else {
            truth::overlaps(&here.certain, from, to)
        };
        for (begin, end) in wrong {
            if let Some((since, end)) = judged(facts, one, begin, end, &blind) {
                let line = truth::last_change(facts, about, since);
                report.add(Invariant::I11, &[line, one.at.line], || {
                    let (conn, about) = (facts.conn(index), facts.user(about));
                    let (knows, truth) = if one.online {
                        ("online", "offline")
                    } else {
                        ("offline", "online")
                    };
                    let ms = (end - since) / 1000;
                    format!("{conn} took {about} for {knows} for {ms} ms, who was {truth}")
                });
                break;
            }
        }
    }
}

/// The part of a wrong time that counts: what is told meanwhile has the slack,
/// and faults that hit the watcher do not count.
fn judged(
    facts: &Facts<'_>,
    told: &Told,
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
    let allowed = if told.at.t >= begin {
        facts.run.slack_ms * 1000
    } else {
        0
    };
    (end > begin.saturating_add(allowed)).then_some((begin, end))
}

/// Whether what was asked for is older than what was told meanwhile.
fn is_overtaken(one: &Told, all: &[&Told]) -> bool {
    one.asked.is_some_and(|asked| {
        let between = |other: &&Told| {
            other.asked.is_none() && other.at > asked && other.at.line < one.at.line
        };
        all.iter().any(between)
    })
}

/// The database at the end.
fn dump(facts: &Facts<'_>, truths: &HashMap<Sym, Truth>, report: &mut Report) {
    let none = Truth::default();
    let mut shown: Vec<(Sym, bool)> = facts.shown_online.iter().map(|(u, o)| (*u, *o)).collect();
    shown.sort_unstable();
    for (user, online) in shown {
        let truth = truths.get(&user).unwrap_or(&none);
        let now = facts.end.t;
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
