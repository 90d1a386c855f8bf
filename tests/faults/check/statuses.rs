//! I8: a status never goes back, for no observer and in the database, and the
//! times of the steps are set once.
//!
//! A message that is `read` was read with all before it, so that seeing one says as much
//! of those. A withheld message stays `sent` whatever happens around it.
//!
//! Envelopes are compared with the envelopes before them on the same connection; answers
//! to requests, with everything received there before the request. An envelope may cross
//! with an answer, so it is not compared with one. A `range` says `sent` of messages that
//! may have been read already: it is taken as "at least"; the message it shows is taken
//! at its word.

use std::collections::{HashMap, HashSet};

use super::facts::{Facts, How, Seen, Sym};
use super::spans::{Reach, Spans};
use super::{Invariant, Report};
use crate::history::Status;

/// Where messages were seen at least `sent`, and up to where `read`.
#[derive(Default)]
struct Steps {
    sent: Spans,
    read: Reach,
}

#[derive(Default)]
struct Observed {
    envelopes: Steps,
    asked: Steps,
}

/// The first line in which a position was seen further on than `status`.
fn further(known: &Steps, status: Status, seq: u64) -> Option<usize> {
    let read = known.read.line(seq);
    match status {
        Status::NotSent => known.sent.line(seq).into_iter().chain(read).min(),
        Status::Sent => read,
        Status::Read => None,
    }
}

fn cover(known: &mut Steps, seen: &Seen) {
    let (seq, line) = (seen.msg.seq, seen.at.line);
    let (from, to) = match seen.how {
        How::Status(from, to) => (from, to),
        _ => (seq, seq),
    };
    match seen.msg.status {
        Status::NotSent => {}
        Status::Sent => known.sent.cover(from, to, line),
        Status::Read => known.read.note(to, line),
    }
}

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    observers(facts, report);
    database(facts, report);
    times(facts, report);
}

fn observers(facts: &Facts<'_>, report: &mut Report) {
    let mut observed: HashMap<(usize, Sym, Sym), Observed> = HashMap::new();
    let seen = facts.seen.iter();
    for seen in seen.filter(|seen| !facts.is_withheld(seen.msg.id)) {
        let msg = &seen.msg;
        let known = observed.entry((seen.conn, msg.room, msg.from)).or_default();
        let asked = match seen.how {
            How::New | How::Status(..) => None,
            How::Page(op) | How::Change(op) | How::Sent(op, _) | How::Read(op) => {
                Some(facts.ops[op].invoke.line)
            }
            How::Missed(login) => {
                let op = facts.logins[login].op;
                Some(op.map_or(0, |op| facts.ops[op].invoke.line))
            }
            How::Last(line) => Some(line),
            // nobody knows when it was asked for, or read by the server
            How::OldMessages | How::Changed => continue,
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
    let seen = facts.seen.iter();
    for seen in seen.filter(|seen| !facts.is_withheld(seen.msg.id)) {
        let key = (seen.msg.room, seen.msg.from);
        cover(observed.entry(key).or_default(), seen);
    }
    for stored in facts.stored.iter().filter(|stored| !stored.withheld) {
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

/// The two times of a message, each set once: everybody who gets one gets the same. They
/// are not always sent, and `readAt` is not always known any more.
fn times(facts: &Facts<'_>, report: &mut Report) {
    let mut known: HashMap<(Sym, &str), (i64, usize)> = HashMap::new();
    for stored in &facts.stored {
        let msg = &stored.msg;
        for (name, at) in [("sentAt", msg.sent), ("readAt", msg.read)] {
            known.extend(at.map(|at| ((msg.id, name), (at, 0))));
        }
    }
    let mut announced = HashSet::new();
    for seen in &facts.seen {
        let msg = &seen.msg;
        for (name, at) in [("sentAt", msg.sent), ("readAt", msg.read)] {
            let Some(at) = at else { continue };
            let line = seen.at.line;
            let (first, before) = *known.entry((msg.id, name)).or_insert((at, line));
            if first != at && announced.insert((msg.id, name)) {
                report.add(Invariant::I8, &[before, line], || {
                    let message = facts.message(msg);
                    let how = if before == 0 { "stored" } else { "shown" };
                    format!("{name} of {message} was {at} and is {how} as {first}")
                });
            }
        }
    }
}
