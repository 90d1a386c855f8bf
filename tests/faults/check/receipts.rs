//! I8: `read` is seen only after the receiver asked for it: a `message-read` reads
//! everything of the sender up to its position or message.

use std::collections::{HashMap, HashSet};

use super::facts::{Facts, How, Msg, Request, Result, Sym};
use super::spans::Reach;
use super::{Invariant, Report};
use crate::history::Status;

/// Up to where receivers asked to be read: (receiver, sender) → positions.
pub(super) type Reads = HashMap<(Sym, Sym), Reach>;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let reads = gather(facts);
    let mut announced = HashSet::new();
    let mut judge = |msg: &Msg, line: usize| {
        let asked = reads
            .get(&(msg.to, msg.from))
            .and_then(|reach| reach.line(msg.seq));
        let in_time = asked.is_some_and(|asked| line == 0 || asked < line);
        if !in_time && announced.insert(msg.id) {
            report.add(Invariant::I8, &[line, asked.unwrap_or(0)], || {
                let (message, user) = (facts.message(msg), facts.user(msg.to));
                format!("{message} was read before {user} said so")
            });
        }
    };
    for seen in &facts.seen {
        if seen.msg.status != Status::Read {
            continue;
        }
        judge(&seen.msg, seen.at.line);
        let room = facts.room_by_id.get(&seen.msg.room);
        if let (How::Status(from, to), Some(room)) = (seen.how, room) {
            for stored in facts.between(*room, from, to) {
                if stored.msg.from == seen.msg.from && !stored.withheld {
                    judge(&stored.msg, seen.at.line);
                }
            }
        }
    }
    for stored in &facts.stored {
        if stored.msg.status == Status::Read {
            judge(&stored.msg, 0);
        }
    }
}

/// What was asked for and may have been done, by the line that asked.
pub(super) fn gather(facts: &Facts<'_>) -> Reads {
    let mut reads = Reads::new();
    for op in &facts.ops {
        if matches!(op.answer, Some((_, Result::Failed))) {
            continue;
        }
        let user = facts.conns[op.conn].user;
        let line = op.invoke.line;
        match op.request {
            Request::ReadUpTo(sender, to) => {
                reads.entry((user, sender)).or_default().note(to, line);
            }
            Request::ReadOne(id) => {
                let stored = facts.stored_by_id.get(&id);
                let msg = stored.map(|stored| &facts.stored[*stored].msg);
                if let Some(msg) = msg.filter(|msg| msg.to == user) {
                    let reach = reads.entry((user, msg.from)).or_default();
                    reach.note(msg.seq, line);
                }
            }
            _ => {}
        }
    }
    reads
}
