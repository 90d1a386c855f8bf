//! I8: a receipt that was acknowledged is kept, its sender is notified, and nothing is
//! `sent` while its receiver cannot have been connected.
//!
//! An ok of `message-read` or `message-delivered` is a promise about every message of
//! that sender up to the position, or the message that was named, that anybody had seen
//! before the request. The sender of messages that a `message-read` moved, if logged in
//! at the same server at that time, gets `message-status-changed` within the deadline;
//! with a fault in that time nothing is concluded. Whether a stored `sent` corresponds to
//! an actual delivery cannot be judged from the dump, since everybody logs in at the end;
//! it is judged when a message is first seen so.

use std::collections::{HashMap, HashSet};

use super::facts::{At, Facts, How, Msg, Op, Request, Result, Sym};
use super::live::stays;
use super::presence::possible_times;
use super::{Invariant, Report};
use crate::history::Status;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for status in [Status::Sent, Status::Read] {
        stored(facts, status, report);
    }
    announced(facts, report);
    sent_ranges(facts, report);
}

/// Ok receipts by who confirmed and of whom: position, and the operation.
type Receipts = HashMap<(Sym, Sym), Vec<(u64, usize)>>;

fn receipts(facts: &Facts<'_>, at_least: Status) -> Receipts {
    let mut receipts = Receipts::new();
    for (index, op) in facts.ops.iter().enumerate() {
        let (sender, to) = match op.request {
            Request::ReadUpTo(sender, to) => (sender, to),
            Request::DeliveredUpTo(sender, to) if at_least == Status::Sent => (sender, to),
            Request::ReadOne(id) => match facts.stored_by_id.get(&id) {
                Some(stored) => (
                    facts.stored[*stored].msg.from,
                    facts.stored[*stored].msg.seq,
                ),
                None => continue,
            },
            _ => continue,
        };
        let user = facts.conns[op.conn].user;
        if is_ok(op) && user != sender {
            let known = receipts.entry((user, sender)).or_default();
            known.push((to, index));
        }
    }
    receipts
}

fn is_ok(op: &Op) -> bool {
    matches!(op.answer, Some((_, Result::Ok)))
}

/// What was confirmed up to a position is at least on that step.
fn stored(facts: &Facts<'_>, at_least: Status, report: &mut Report) {
    let mut receipts = receipts(facts, at_least);
    for known in receipts.values_mut() {
        known.sort_unstable();
        // of all that reach at least as far, the one asked for last
        let mut latest = usize::MAX;
        for (_, op) in known.iter_mut().rev() {
            if latest == usize::MAX || *op > latest {
                latest = *op;
            }
            *op = latest;
        }
    }
    for stored in &facts.stored {
        let msg = &stored.msg;
        let Some(known) = receipts.get(&(msg.to, msg.from)) else {
            continue;
        };
        let first = known.partition_point(|(to, _)| *to < msg.seq);
        let Some((_, op)) = known.get(first) else {
            continue;
        };
        let op = &facts.ops[*op];
        let seen = facts.first_seen.get(&msg.id);
        let covered = seen.is_some_and(|line| *line < op.invoke.line);
        if covered && !stored.withheld && msg.status < at_least {
            lost(facts, msg, op, report);
        }
    }
}

fn lost(facts: &Facts<'_>, msg: &Msg, op: &Op, report: &mut Report) {
    let answer = op.answer.map_or(0, |(at, _)| at.line);
    report.add(Invariant::I8, &[op.invoke.line, answer], || {
        let (message, status) = (facts.message(msg), msg.status);
        format!("{message} is stored as {status:?} after an acknowledged receipt")
    });
}

/// Senders are notified of what was read.
fn announced(facts: &Facts<'_>, report: &mut Report) {
    // when a connection was notified that messages of a sender were read, and up to where
    let mut heard: HashMap<(usize, Sym), Vec<(At, u64)>> = HashMap::new();
    for seen in &facts.seen {
        if let (How::Status(..), Status::Read) = (seen.how, seen.msg.status) {
            let key = (seen.conn, seen.msg.to);
            heard.entry(key).or_default().push((seen.at, seen.msg.seq));
        }
    }
    let mut conns: HashMap<Sym, Vec<usize>> = HashMap::new();
    for (index, conn) in facts.conns.iter().enumerate() {
        conns.entry(conn.user).or_default().push(index);
    }
    let wait = (facts.run.deadline_ms + facts.run.slack_ms) * 1000;
    for op in facts.ops.iter().filter(|op| is_ok(op) && op.moved > 0) {
        let (Request::ReadUpTo(sender, to), Some((answer, _))) = (&op.request, op.answer) else {
            continue;
        };
        let bound = answer.t.saturating_add(wait);
        let mut faults = facts.faults.iter();
        if faults.any(|fault| fault.begin <= bound && fault.end >= op.invoke.t) {
            continue;
        }
        let reader = &facts.conns[op.conn];
        for index in conns.get(sender).into_iter().flatten() {
            let conn = &facts.conns[*index];
            let ready = conn.details.is_some_and(|at| at < op.invoke);
            if !ready || !stays(facts, conn, reader.server, answer) {
                continue;
            }
            let known = heard.get(&(*index, reader.user));
            let known = known.map(Vec::as_slice).unwrap_or_default();
            let first = known.partition_point(|(at, _)| *at < op.invoke);
            let mut known = known[first..].iter().take_while(|(at, _)| at.t <= bound);
            if !known.any(|(_, seq)| seq <= to) {
                report.add(Invariant::I8, &[op.invoke.line, answer.line], || {
                    let (conn, reader) = (facts.conn(*index), facts.user(reader.user));
                    format!("{conn} never heard that {reader} read up to {to}")
                });
            }
        }
    }
}

/// A message is `sent` only once its receiver may have been there.
fn sent_ranges(facts: &Facts<'_>, report: &mut Report) {
    let there = possible_times(facts);
    let mut judged = HashSet::new();
    for seen in &facts.seen {
        let msg = &seen.msg;
        let withheld = facts.is_withheld(msg.id);
        if withheld || msg.status == Status::NotSent || !judged.insert(msg.id) {
            continue;
        }
        let send = facts.send_of.get(&(msg.from, msg.to, msg.body, msg.client));
        let Some(send) = send.map(|send| &facts.sends[*send]) else {
            continue;
        };
        let times = there.get(&msg.to).map(Vec::as_slice).unwrap_or_default();
        let first = times.partition_point(|(_, end)| *end < send.first.t);
        let was_there = times
            .get(first)
            .is_some_and(|(begin, _)| *begin <= seen.at.t);
        if !was_there {
            report.add(Invariant::I8, &[send.first.line, seen.at.line], || {
                let (message, status) = (facts.message(msg), msg.status);
                let user = facts.user(msg.to);
                format!("{message} was shown as {status:?}, and {user} was not there")
            });
        }
    }
}
