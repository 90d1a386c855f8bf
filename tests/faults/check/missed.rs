//! I7: what was confirmed is not missed again.
//!
//! The confirmation is answered before it is in the database (at most
//! [`SETTLED_MS`] before), so it counts from then on, or at once at the same
//! server. A fault of the server or the database within that time takes it
//! away: delivery is at least once.

use super::facts::{Facts, How, Op, Request, Result};
use super::{Invariant, Report};

/// What is written behind is in the database after this, 2 s: it is written
/// every 250 ms, and a majority has it within the rest.
const SETTLED_MS: u64 = 2_000;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let confirmed = confirmed(facts);
    for seen in &facts.seen {
        let How::Missed(login) = seen.how else {
            continue;
        };
        let asked = facts.logins[login].op.map(|op| &facts.ops[op]);
        let stored = facts.stored_by_id.get(&seen.msg.id);
        let (Some(asked), Some(stored)) = (asked, stored) else {
            continue;
        };
        let Some(op) = confirmed[*stored].map(|op| &facts.ops[op]) else {
            continue;
        };
        let Some((answer, _)) = op.answer else {
            continue;
        };
        let at_once = facts.conns[op.conn].server == facts.conns[asked.conn].server;
        let settled = at_once || asked.invoke.t > answer.t + SETTLED_MS * 1000;
        if answer < asked.invoke && settled {
            let lines = [op.invoke.line, answer.line, seen.at.line];
            report.add(Invariant::I7, &lines, || {
                let (conn, message) = (facts.conn(seen.conn), facts.message(&seen.msg));
                format!("{conn} missed {message}, which was confirmed")
            });
        }
    }
}

/// The first operation that surely confirmed each stored message.
fn confirmed(facts: &Facts<'_>) -> Vec<Option<usize>> {
    let mut confirmed: Vec<Option<usize>> = vec![None; facts.stored.len()];
    // from here on in its chat room, something may not be confirmed yet
    let mut next: Vec<[usize; 2]> = facts
        .rooms
        .iter()
        .map(|room| [room.messages.start; 2])
        .collect();
    let mut ops: Vec<(usize, usize)> = facts
        .ops
        .iter()
        .enumerate()
        .filter(|(_, op)| is_sure(facts, op))
        .filter_map(|(index, op)| Some((op.answer?.0.line, index)))
        .collect();
    ops.sort_unstable();
    for (_, index) in ops {
        let op = &facts.ops[index];
        let (Request::ReadUpTo(sender, to) | Request::DeliveredUpTo(sender, to)) = op.request
        else {
            continue;
        };
        let user = facts.conns[op.conn].user;
        let Some(room) = facts.room_with(user, sender) else {
            continue;
        };
        let side = usize::from(facts.rooms[room].users[0] == user);
        let first = next[room][side];
        let mut closed = true;
        let end = facts.rooms[room].messages.end;
        for (place, known) in confirmed.iter_mut().enumerate().take(end).skip(first) {
            let msg = &facts.stored[place].msg;
            if msg.seq > to {
                break;
            }
            // beyond the last message there is nothing to confirm yet
            let seen = facts.first_seen.get(&msg.id);
            let there = seen.is_some_and(|line| *line < op.invoke.line);
            if msg.to == user && there && known.is_none() {
                *known = Some(index);
            }
            let confirms = msg.to == user && !facts.stored[place].withheld;
            closed = closed && (!confirms || known.is_some());
            if closed {
                next[room][side] = place + 1;
            }
        }
    }
    confirmed
}

/// Whether nothing can have undone a confirmation.
fn is_sure(facts: &Facts<'_>, op: &Op) -> bool {
    let Some((answer, Result::Ok)) = op.answer else {
        return false;
    };
    let until = answer.t + SETTLED_MS * 1000;
    let lost = facts
        .faults
        .iter()
        .any(|fault| fault.loses_writes() && fault.begin < until && fault.end > op.invoke.t);
    !lost
}
