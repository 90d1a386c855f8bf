//! I7: every message reaches its receiver, and a connection gets it once, in order, and
//! without a gap: what is stored in a chat room is sent to both people, so after the
//! first `new-message` of a room each next one on the connection is the next position,
//! unless the login contained those between. The same holds with several servers: a
//! server announces messages that others stored before its own. While its link is in
//! trouble, messages may be left out for a connection that takes too little: they are not
//! confirmed, and so have to be received otherwise.
//!
//! *Reached* means that the receiver was sent the message live, as missed, or in a page;
//! the walks of the final phase do not count, since they show everything anyway. A
//! message that the receiver confirmed was received, too.

use std::collections::{HashMap, HashSet};

use super::facts::{At, Facts, How, Msg, Request, Result, Seen, Sym};
use super::{Invariant, Report};
use crate::history::Phase;

/// How long after a fault it may take until a connection has taken what waited for it.
const TAKEN_UP_MS: u64 = 5_000;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    reached(facts, report);
    once(facts, report);
}

fn reached(facts: &Facts<'_>, report: &mut Report) {
    let last_phase = facts.phase(Phase::Final).map_or(usize::MAX, |at| at.line);
    let counts = |seen: &Seen| match seen.how {
        How::New | How::Missed(_) | How::OldMessages => true,
        How::Page(op) => {
            let op = &facts.ops[op];
            let walks = matches!(&op.request, Request::Page(page) if page.walk.is_some());
            !(walks && op.invoke.line > last_phase)
        }
        How::Status(..)
        | How::Sent(..)
        | How::Read(_)
        | How::Changed
        | How::Change(_)
        | How::Last(_) => false,
    };
    let mut reached: HashSet<Sym> = HashSet::new();
    for seen in facts.seen.iter().filter(|seen| counts(seen)) {
        if facts.conns[seen.conn].user == seen.msg.to {
            reached.insert(seen.msg.id);
        }
    }
    let confirmed = Confirmed::gather(facts, &mut reached);
    let present: HashSet<Sym> = facts.conns.iter().map(|conn| conn.user).collect();
    for stored in &facts.stored {
        let msg = &stored.msg;
        if stored.withheld || reached.contains(&msg.id) || !present.contains(&msg.to) {
            continue;
        }
        let send = facts.send_of.get(&(msg.from, msg.to, msg.body, msg.client));
        let begun = send.map_or(0, |send| facts.sends[*send].first.line);
        if !confirmed.may_hold(msg.to, msg.from, msg.seq, begun) {
            report.add(Invariant::I7, &[begun], || {
                let (message, user) = (facts.message(msg), facts.user(msg.to));
                format!("{message} never reached {user}")
            });
        }
    }
}

/// How far receivers confirmed, perhaps: (receiver, sender) → (up to, line).
struct Confirmed(HashMap<(Sym, Sym), Vec<(u64, usize)>>);

impl Confirmed {
    fn gather(facts: &Facts<'_>, reached: &mut HashSet<Sym>) -> Self {
        let mut all: HashMap<(Sym, Sym), Vec<(u64, usize)>> = HashMap::new();
        for op in &facts.ops {
            if matches!(op.answer, Some((_, Result::Failed))) {
                continue;
            }
            let until = op.answer.map_or(usize::MAX, |(at, _)| at.line);
            match op.request {
                Request::ReadUpTo(sender, to) | Request::DeliveredUpTo(sender, to) => {
                    let user = facts.conns[op.conn].user;
                    all.entry((user, sender)).or_default().push((to, until));
                }
                Request::ReadOne(id) => {
                    reached.insert(id);
                }
                _ => {}
            }
        }
        for confirms in all.values_mut() {
            confirms.sort_unstable();
            let mut latest = 0;
            for (_, until) in confirms.iter_mut().rev() {
                latest = latest.max(*until);
                *until = latest;
            }
        }
        Self(all)
    }

    /// Whether a message sent in line `sent` may have been confirmed.
    fn may_hold(&self, receiver: Sym, sender: Sym, seq: u64, sent: usize) -> bool {
        let Some(confirms) = self.0.get(&(receiver, sender)) else {
            return false;
        };
        let first = confirms.partition_point(|(to, _)| *to < seq);
        confirms.get(first).is_some_and(|(_, until)| *until > sent)
    }
}

fn once(facts: &Facts<'_>, report: &mut Report) {
    let mut live: HashMap<(usize, Sym), usize> = HashMap::new();
    let mut missed: HashMap<(usize, Sym), (usize, usize)> = HashMap::new();
    let mut last: HashMap<(usize, Sym), (u64, At)> = HashMap::new();
    let delivered = delivered(facts);
    for seen in &facts.seen {
        let (now, msg) = (seen.at.line, &seen.msg);
        let key = (seen.conn, msg.id);
        match seen.how {
            How::New => {
                if let Some(first) = live.insert(key, now) {
                    report.add(Invariant::I7, &[first, now], || {
                        let (conn, message) = (facts.conn(seen.conn), facts.message(msg));
                        format!("{conn} heard {message} twice")
                    });
                }
                let before = last.insert((seen.conn, msg.room), (msg.seq, seen.at));
                if let Some((seq, first)) = before.filter(|(seq, _)| *seq > msg.seq) {
                    report.add(Invariant::I7, &[first.line, now], || {
                        let conn = facts.conn(seen.conn);
                        format!("{conn} heard number {} after number {seq}", msg.seq)
                    });
                }
                if let Some((seq, first)) = before.filter(|(seq, _)| *seq < msg.seq) {
                    let gap = skipped(facts, seen, seq, &delivered);
                    let gap = gap.filter(|_| !is_slow(facts, seen.conn, first.t, seen.at.t));
                    if let Some(gap) = gap {
                        report.add(Invariant::I7, &[first.line, now], || {
                            let (conn, gap) = (facts.conn(seen.conn), facts.message(gap));
                            format!("{conn} heard number {} after {seq}, not {gap}", msg.seq)
                        });
                    }
                }
                if let Some((login, first)) = missed.get(&key)
                    && is_old_news(facts, *login, seen)
                {
                    report.add(Invariant::I7, &[*first, now], || {
                        let (conn, message) = (facts.conn(seen.conn), facts.message(msg));
                        format!("{conn} heard {message} as new, long after it was missed")
                    });
                }
                if is_too_early(facts, seen) {
                    report.add(Invariant::I7, &[now], || {
                        let (conn, message) = (facts.conn(seen.conn), facts.message(msg));
                        format!("{conn} heard {message} before its user-details")
                    });
                }
            }
            How::Missed(login) => {
                let before = missed.insert(key, (login, now));
                if let Some((_, first)) = before.filter(|(before, _)| *before == login) {
                    report.add(Invariant::I7, &[first, now], || {
                        let (conn, message) = (facts.conn(seen.conn), facts.message(msg));
                        format!("{conn} missed {message} twice in one login")
                    });
                }
            }
            _ => {}
        }
    }
}

/// The last position of each chat room that the logins of a connection contained:
/// (connection, room).
fn delivered(facts: &Facts<'_>) -> HashMap<(usize, Sym), u64> {
    let mut delivered = HashMap::new();
    for seen in &facts.seen {
        if let How::Missed(_) = seen.how {
            let last: &mut u64 = delivered.entry((seen.conn, seen.msg.room)).or_default();
            *last = seen.msg.seq.max(*last);
        }
    }
    delivered
}

/// A message between the position received before and this one that should have been
/// received. To its receiver, messages up to the end of the login's came with the login
/// or were confirmed before it.
fn skipped<'a>(
    facts: &'a Facts<'_>,
    seen: &Seen,
    before: u64,
    delivered: &HashMap<(usize, Sym), u64>,
) -> Option<&'a Msg> {
    // one shown under another number is a matter of I4
    let stored = *facts.stored_by_id.get(&seen.msg.id)?;
    let now = facts.stored[stored].msg.seq;
    let room = *facts.room_by_id.get(&seen.msg.room)?;
    let user = facts.conns[seen.conn].user;
    let until = delivered.get(&(seen.conn, seen.msg.room));
    let until = until.copied().unwrap_or(0);
    let between = facts
        .between(room, before + 1, now.saturating_sub(1))
        .iter();
    between
        .filter(|stored| stored.is_for(user))
        .map(|stored| &stored.msg)
        .find(|msg| msg.to != user || msg.seq > until)
}

/// Whether a connection may have taken too little between two moments.
fn is_slow(facts: &Facts<'_>, conn: usize, from: u64, to: u64) -> bool {
    let conn = &facts.conns[conn];
    facts.faults.iter().any(|fault| {
        let over = fault.end.saturating_add(TAKEN_UP_MS * 1000);
        fault.stops_answers(conn) && fault.begin <= to && over >= from
    })
}

/// Whether a message that is sent live after a login was acknowledged well before it: it
/// was no longer new, and only messages that arrive during a login may be in both.
fn is_old_news(facts: &Facts<'_>, login: usize, seen: &Seen) -> bool {
    let msg = &seen.msg;
    let send = facts.send_of.get(&(msg.from, msg.to, msg.body, msg.client));
    let ok = send.and_then(|send| facts.sends[*send].oks.first());
    let login = facts.logins[login].op.map(|op| facts.ops[op].invoke.t);
    match (ok, login) {
        (Some(ok), Some(login)) => facts.seen[*ok].at.t + facts.run.slack_ms * 1000 < login,
        _ => false,
    }
}

/// Whether a live message comes before the login it belongs to; after a login
/// that failed there is no promise.
fn is_too_early(facts: &Facts<'_>, seen: &Seen) -> bool {
    let conn = &facts.conns[seen.conn];
    let early = conn.details.is_none_or(|at| at.line > seen.at.line);
    let failed = |op: &usize| {
        let answer = facts.ops[*op].answer;
        answer.is_some_and(|(at, result)| result != Result::Ok && at.line < seen.at.line)
    };
    early && !conn.logins.iter().any(failed)
}
