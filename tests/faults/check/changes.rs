//! I18: what the application redacts keeps its place, and says nothing any more.
//!
//! *In the dump*: of a chat room no two messages have the same `rev`, none has a greater one
//! than the chat room, and what is redacted is empty. *On the wire*: whoever asks after a
//! redaction was answered is not shown the text, a message is redacted with the one `rev` that
//! it has, people who are connected hear of it or of a later change, and a page of changes
//! holds every one up to the `rev` it names.

use std::collections::{HashMap, HashSet};

use super::facts::{At, Facts, How, Msg, Op, Request, Result, Seen, Sym};
use super::live::{bound, stays};
use super::{Invariant, Report};

/// How long an event whose text was read before a redaction may be on its way, milliseconds.
const ON_ITS_WAY_MS: u64 = 15_000;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    stored(facts, report);
    let redacted = redacted(facts);
    for seen in &facts.seen {
        shown(facts, &redacted, seen, report);
    }
    events(facts, &redacted, report);
    for op in &facts.ops {
        complete(facts, &redacted, op, report);
    }
    announced(facts, report);
}

fn stored(facts: &Facts<'_>, report: &mut Report) {
    for (index, room) in facts.rooms.iter().enumerate() {
        let mut revs: HashMap<u64, &Msg> = HashMap::new();
        for stored in facts.messages(index) {
            let msg = &stored.msg;
            if msg.redacted != msg.rev.is_some() || (msg.redacted && !stored.is_empty) {
                report.add(Invariant::I18, &[], || {
                    let message = facts.message(msg);
                    format!("{message} is stored as neither whole nor redacted")
                });
            }
            let Some(rev) = msg.rev else {
                continue;
            };
            if rev > room.rev {
                report.add(Invariant::I18, &[], || {
                    let (message, noted) = (facts.message(msg), room.rev);
                    format!("{message} has the rev {rev}, and its chat room {noted}")
                });
            }
            if let Some(other) = revs.insert(rev, msg) {
                report.add(Invariant::I18, &[], || {
                    let (one, other) = (facts.message(other), facts.message(msg));
                    format!("{one} and {other} have the same rev {rev}")
                });
            }
        }
    }
}

/// When the redaction of a message was answered first, by its id.
fn redacted(facts: &Facts<'_>) -> HashMap<Sym, At> {
    let mut redacted = HashMap::new();
    for op in &facts.ops {
        if let (Request::Redact(id), Some((at, Result::Ok))) = (&op.request, op.answer) {
            let first: &mut At = redacted.entry(*id).or_insert(at);
            *first = at.min(*first);
        }
    }
    redacted
}

/// The line in which was asked for what was seen, or in which its connection was opened.
fn asked(facts: &Facts<'_>, seen: &Seen) -> usize {
    let opened = facts.conns[seen.conn].open.line;
    match seen.how {
        How::Page(op) | How::Change(op) | How::Read(op) | How::Sent(op, _) => {
            facts.ops[op].invoke.line
        }
        How::Missed(login) => {
            let op = facts.logins[login].op;
            op.map_or(opened, |op| facts.ops[op].invoke.line)
        }
        How::Last(line) => line,
        How::New | How::OldMessages | How::Status(..) | How::Changed => opened,
    }
}

fn shown(facts: &Facts<'_>, redacted: &HashMap<Sym, At>, seen: &Seen, report: &mut Report) {
    let msg = &seen.msg;
    let line = seen.at.line;
    if msg.redacted {
        let stored = facts.stored_by_id.get(&msg.id);
        let rev = stored.and_then(|stored| facts.stored[*stored].msg.rev);
        if msg.rev.is_none() || msg.rev != rev {
            report.add(Invariant::I18, &[line], || {
                let (message, says) = (facts.message(msg), msg.rev);
                format!("{message} was redacted with the rev {says:?}, and is stored with {rev:?}")
            });
        }
        return;
    }
    if let Some(answered) = redacted.get(&msg.id)
        && asked(facts, seen) > answered.line
        && !may_be_remembered(facts, answered, seen)
    {
        report.add(Invariant::I18, &[answered.line, line], || {
            let (message, conn) = (facts.message(msg), facts.conn(seen.conn));
            format!("{conn} asked after {message} was redacted, and was shown what it had said")
        });
    }
}

/// Whether it is the last message of a contact, which another server may remember until it has
/// heard of the redaction.
fn may_be_remembered(facts: &Facts<'_>, answered: &At, seen: &Seen) -> bool {
    let among_several = facts.conns.iter().any(|conn| conn.server > 0);
    let bound = (facts.run.cross_ms + facts.run.slack_ms) * 1000;
    let is_last = matches!(seen.how, How::Last(_));
    // what delays the log of events delays what is heard of it
    let mut faults = facts.faults.iter();
    let is_late = faults.any(|fault| fault.begin <= seen.at.t && fault.end >= answered.t);
    among_several && is_last && (is_late || seen.at.t <= answered.t + bound)
}

/// Events tell of what is stored when they are delivered.
fn events(facts: &Facts<'_>, redacted: &HashMap<Sym, At>, report: &mut Report) {
    for heard in &facts.heard {
        let Some(msg) = heard.created.as_ref().filter(|msg| !msg.redacted) else {
            continue;
        };
        let Some(answered) = redacted.get(&msg.id) else {
            continue;
        };
        let (from, to) = (answered.t, heard.at.t);
        let mut faults = facts.faults.iter();
        let excused = faults.any(|fault| fault.begin <= to && fault.end >= from);
        if to > from + ON_ITS_WAY_MS * 1000 && !excused {
            report.add(Invariant::I18, &[answered.line, heard.at.line], || {
                let message = facts.message(msg);
                format!("an event contained what {message} had said, long after it was redacted")
            });
        }
    }
}

/// A page of changes holds all up to its `rev`, and that is not behind what was answered.
fn complete(facts: &Facts<'_>, redacted: &HashMap<Sym, At>, op: &Op, report: &mut Report) {
    let (Request::Changes(with, after), Some(changes), Some((answer, _))) =
        (&op.request, &op.changes, op.answer)
    else {
        return;
    };
    let user = facts.conns[op.conn].user;
    let Some(room) = facts.room_with(user, *with) else {
        return;
    };
    let listed: HashSet<Sym> = facts.seen[changes.seen.clone()]
        .iter()
        .map(|seen| seen.msg.id)
        .collect();
    for stored in facts.messages(room) {
        let Some(rev) = stored.msg.rev.filter(|rev| rev > after) else {
            continue;
        };
        if !stored.is_for(user) {
            continue;
        }
        let known = redacted.get(&stored.msg.id);
        let known = known.is_some_and(|at| at.line < op.invoke.line);
        let is_due = rev <= changes.rev || (known && !changes.has_more);
        if is_due && !listed.contains(&stored.msg.id) {
            report.add(Invariant::I18, &[op.invoke.line, answer.line], || {
                let message = facts.message(&stored.msg);
                let upto = changes.rev;
                format!("the changes after {after} up to {upto} leave out {message}, rev {rev}")
            });
        }
    }
}

/// Who is connected hears of a change, or of a later one of the chat room.
fn announced(facts: &Facts<'_>, report: &mut Report) {
    // what connections heard: when, and up to which rev, by chat room
    let mut heard: HashMap<(usize, Sym), Vec<(u64, u64)>> = HashMap::new();
    for seen in facts.seen.iter().filter(|seen| seen.how == How::Changed) {
        let key = (seen.conn, seen.msg.room);
        let rev = seen.msg.rev.unwrap_or_default();
        heard.entry(key).or_default().push((seen.at.t, rev));
    }
    let mut tried: HashSet<Sym> = HashSet::new();
    for op in &facts.ops {
        let Request::Redact(id) = op.request else {
            continue;
        };
        // only the first try changes anything
        let (true, Some((answer, Result::Ok))) = (tried.insert(id), op.answer) else {
            continue;
        };
        let Some(stored) = facts.stored_by_id.get(&id) else {
            continue;
        };
        let msg = &facts.stored[*stored].msg;
        let server = facts.conns[op.conn].server;
        for (index, conn) in facts.conns.iter().enumerate() {
            let is_there = [msg.from, msg.to].contains(&conn.user)
                && facts.stored[*stored].is_for(conn.user)
                && conn.details.is_some_and(|at| at < op.invoke)
                && stays(facts, conn, server, answer);
            if !is_there {
                continue;
            }
            let bound = bound(facts, conn, server, answer);
            let mut faults = facts.faults.iter();
            if faults.any(|fault| fault.begin <= bound && fault.end >= op.invoke.t) {
                continue;
            }
            let known = heard.get(&(index, msg.room));
            let mut known = known.into_iter().flatten();
            if !known.any(|(t, rev)| *t <= bound && Some(*rev) >= msg.rev) {
                report.add(Invariant::I18, &[op.invoke.line, answer.line], || {
                    let (conn, message) = (facts.conn(index), facts.message(msg));
                    format!("{conn} was there and never heard that {message} was redacted")
                });
            }
        }
    }
}
