//! I8: a status never goes back, for no observer and in the database, and the
//! times of the steps are set once.
//!
//! Envelopes are compared with the envelopes before them on the same
//! connection; what was asked for, with everything heard there before it was
//! asked for. An envelope may cross with an answer, so it is not compared with
//! one. A `range` says `sent` of messages that may have been read already: it
//! is taken as "at least"; the message it shows is taken at its word.

use std::collections::{HashMap, HashSet};

use super::facts::{Facts, How, Seen, Sym};
use super::spans::Spans;
use super::{Invariant, Report};
use crate::history::Status;

/// Where messages were seen at least `sent`, and `read`.
type Steps = [Spans; 2];

#[derive(Default)]
struct Observed {
    envelopes: Steps,
    asked: Steps,
}

/// How many steps a status is on.
fn steps(status: Status) -> usize {
    match status {
        Status::NotSent => 0,
        Status::Sent => 1,
        Status::Read => 2,
    }
}

/// The first line in which a position was seen further on than `status`.
fn further(known: &Steps, status: Status, seq: u64) -> Option<usize> {
    let beyond = known.iter().skip(steps(status));
    beyond.filter_map(|spans| spans.line(seq)).min()
}

fn cover(known: &mut Steps, seen: &Seen) {
    let line = seen.at.line;
    for (step, spans) in (1..).zip(known.iter_mut()) {
        if step > steps(seen.msg.status) {
            break;
        }
        spans.cover(seen.msg.seq, seen.msg.seq, line);
        if let How::Status(from, to) = seen.how {
            spans.cover(from, to, line);
        }
    }
}

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    observers(facts, report);
    database(facts, report);
    times(facts, report);
}

fn observers(facts: &Facts<'_>, report: &mut Report) {
    let mut observed: HashMap<(usize, Sym, Sym), Observed> = HashMap::new();
    for seen in &facts.seen {
        let msg = &seen.msg;
        let known = observed.entry((seen.conn, msg.room, msg.from)).or_default();
        let asked = match seen.how {
            How::New | How::Status(..) => None,
            How::Page(op) | How::Sent(op, _) | How::Read(op) => Some(facts.ops[op].invoke.line),
            How::Missed(login) => {
                let op = facts.logins[login].op;
                Some(op.map_or(0, |op| facts.ops[op].invoke.line))
            }
            How::Last(line) => Some(line),
            // nobody knows when it was asked for
            How::OldMessages => continue,
        };
        let before = match asked {
            None => further(&known.envelopes, msg.status, msg.seq),
            Some(asked) => [&known.envelopes, &known.asked]
                .into_iter()
                .filter_map(|known| further(known, msg.status, msg.seq))
                .min()
                .filter(|line| *line < asked),
        };
        if let Some(before) = before {
            report.add(Invariant::I8, &[before, seen.at.line], || {
                let (conn, message) = (facts.conn(seen.conn), facts.message(msg));
                format!(
                    "{conn} saw the status of {message} go back to {:?}",
                    msg.status
                )
            });
        }
        let known = match asked {
            None => &mut known.envelopes,
            Some(_) => &mut known.asked,
        };
        cover(known, seen);
    }
}

fn database(facts: &Facts<'_>, report: &mut Report) {
    let mut observed: HashMap<(Sym, Sym), Steps> = HashMap::new();
    for seen in &facts.seen {
        let key = (seen.msg.room, seen.msg.from);
        cover(observed.entry(key).or_default(), seen);
    }
    for stored in &facts.stored {
        let msg = &stored.msg;
        let known = observed.get(&(msg.room, msg.from));
        let seen = known.and_then(|known| further(known, msg.status, msg.seq));
        if let Some(line) = seen {
            report.add(Invariant::I8, &[line], || {
                let message = facts.message(msg);
                format!(
                    "{message} is stored as {:?} and was seen further on",
                    msg.status
                )
            });
        }
    }
}

fn times(facts: &Facts<'_>, report: &mut Report) {
    let mut told = HashSet::new();
    for seen in &facts.seen {
        let msg = &seen.msg;
        let Some(stored) = facts.stored_by_id.get(&msg.id) else {
            continue;
        };
        let stored = &facts.stored[*stored].msg;
        let pairs = [
            ("sentAt", msg.sent, stored.sent),
            ("readAt", msg.read, stored.read),
        ];
        for (name, seen_at, stored_at) in pairs {
            let differs = seen_at.is_some() && seen_at != stored_at;
            if differs && told.insert((msg.id, name)) {
                report.add(Invariant::I8, &[seen.at.line], || {
                    let message = facts.message(msg);
                    format!("{name} of {message} was {seen_at:?} and is stored as {stored_at:?}")
                });
            }
        }
    }
}
