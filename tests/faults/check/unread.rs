//! I10: what a login says of each contact is what a recount says; own messages
//! never count, nor do those that are withheld.
//!
//! While people write and read, a login may say anything between two recounts: at
//! least what was known before it was asked for and nobody can have read by its
//! answer, at most what can have been sent by its answer and was not known as read
//! before it was asked for. In the final phase nothing moves, and it is exact.

use super::facts::{Facts, KnownContact, Login, Request, Result, Sym};
use super::receipts::{self, Reads};
use super::spans::Reach;
use super::{Invariant, Report};
use crate::history::{Phase, Status};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let known = Known::gather(facts);
    let last_phase = facts.phase(Phase::Final).map_or(usize::MAX, |at| at.line);
    for login in &facts.logins {
        let invoked = login.op.map(|op| facts.ops[op].invoke.line);
        for contact in &login.contacts {
            last_message(facts, login, contact, invoked.unwrap_or(0), report);
            if login.at.line > last_phase {
                recount(facts, login, contact, last_phase, report);
            } else if let Some(invoked) = invoked {
                between(facts, login, contact, &known.bounds(invoked), report);
            }
        }
    }
}

/// What was known when, by chat room.
struct Known {
    /// Up to where anybody had seen messages.
    seen: Vec<Reach>,
    /// Up to where messages can have been sent.
    sent: Vec<Reach>,
    /// Up to where receivers can have read.
    asked: Reads,
    /// Up to where anybody knew that a receiver had read: (receiver, sender).
    read: Reads,
}

/// The same, for a login that was asked for in a line.
struct Bounds<'a> {
    known: &'a Known,
    invoked: usize,
}

impl Known {
    fn gather(facts: &Facts<'_>) -> Self {
        let mut known = Self {
            seen: vec![Reach::default(); facts.rooms.len()],
            sent: vec![Reach::default(); facts.rooms.len()],
            asked: receipts::gather(facts),
            read: Reads::new(),
        };
        for seen in &facts.seen {
            if let Some(stored) = facts.stored_by_id.get(&seen.msg.id) {
                let stored = &facts.stored[*stored];
                known.seen[stored.room].note(stored.msg.seq, seen.at.line);
            }
        }
        let mut sends: Vec<(usize, usize)> = facts
            .sends
            .iter()
            .filter_map(|send| Some((send.first.line, send.stored?)))
            .collect();
        sends.sort_unstable();
        for (line, stored) in sends {
            let stored = &facts.stored[stored];
            known.sent[stored.room].note(stored.msg.seq, line);
        }
        known.note_read(facts);
        known
    }

    /// What was answered, and what was shown.
    fn note_read(&mut self, facts: &Facts<'_>) {
        let mut read: Vec<(usize, (Sym, Sym), u64)> = Vec::new();
        for op in &facts.ops {
            let Some((answer, Result::Ok)) = op.answer else {
                continue;
            };
            let user = facts.conns[op.conn].user;
            if let Request::ReadUpTo(sender, to) = op.request
                && let Some(room) = facts.room_with(user, sender)
            {
                // beyond the last message there was nothing to read yet
                let there = self.seen[room].before(op.invoke.line);
                read.push((answer.line, (user, sender), to.min(there)));
            }
        }
        let seen = facts.seen.iter();
        for seen in seen.filter(|seen| seen.msg.status == Status::Read) {
            let msg = &seen.msg;
            read.push((seen.at.line, (msg.to, msg.from), msg.seq));
        }
        read.sort_unstable();
        for (line, key, to) in read {
            self.read.entry(key).or_default().note(to, line);
        }
    }

    fn bounds(&self, invoked: usize) -> Bounds<'_> {
        Bounds {
            known: self,
            invoked,
        }
    }
}

/// A login while people write and read.
fn between(
    facts: &Facts<'_>,
    login: &Login,
    contact: &KnownContact,
    bounds: &Bounds<'_>,
    report: &mut Report,
) {
    let Bounds { known, invoked } = *bounds;
    let (user, other) = (facts.conns[login.conn].user, contact.user);
    let room = facts.room_by_id.get(&contact.room);
    let (Some(room), Some(unread)) = (room, contact.unread) else {
        return;
    };
    let before = |reads: &Reads, line| {
        let reach = reads.get(&(user, other));
        reach.map_or(0, |reach| reach.before(line))
    };
    let count = |read: u64, sent: u64| {
        let up_to = |seq| facts.sent_up_to(*room, other, seq);
        up_to(sent).saturating_sub(up_to(read))
    };
    let answered = login.at.line;
    let (asked, read) = (before(&known.asked, answered), before(&known.read, invoked));
    let least = count(asked, known.seen[*room].before(invoked));
    let most = count(read, known.sent[*room].before(answered));
    if unread < least || unread > most {
        report.add(Invariant::I10, &[invoked, answered], || {
            let (user, other) = (facts.user(user), facts.user(other));
            format!("{user} was told of {unread} unread messages of {other}, and there were {least} to {most}")
        });
    }
}

fn recount(
    facts: &Facts<'_>,
    login: &Login,
    contact: &KnownContact,
    last_phase: usize,
    report: &mut Report,
) {
    let user = facts.conns[login.conn].user;
    let room = facts.room_by_id.get(&contact.room);
    let (Some(room), Some(reported)) = (room, contact.unread) else {
        return;
    };
    if moved(facts, last_phase) {
        return;
    }
    let unread = facts.messages(*room).iter().filter(|stored| {
        stored.msg.to == user && !stored.withheld && stored.msg.status != Status::Read
    });
    let counted = unread.count() as u64;
    if reported != counted {
        report.add(Invariant::I10, &[login.at.line], || {
            let (user, other) = (facts.user(user), facts.user(contact.user));
            format!(
                "{user} was told of {reported} unread messages of {other}, and there are {counted}"
            )
        });
    }
}

/// Whether messages were sent or read in the final phase after all: then its
/// first counts are not the last ones.
fn moved(facts: &Facts<'_>, last_phase: usize) -> bool {
    let mut ops = facts.ops.iter().rev();
    ops.by_ref()
        .take_while(|op| op.invoke.line > last_phase)
        .any(|op| {
            matches!(
                op.request,
                Request::Send(_) | Request::ReadOne(_) | Request::ReadUpTo(..)
            )
        })
}

/// The last message of a contact is at least what anybody had seen before.
fn last_message(
    facts: &Facts<'_>,
    login: &Login,
    contact: &KnownContact,
    invoked: usize,
    report: &mut Report,
) {
    let Some(room) = facts.room_by_id.get(&contact.room) else {
        return;
    };
    let user = facts.conns[login.conn].user;
    let announced = contact.last.map_or(0, |(_, seq)| seq);
    let mut newer = facts.between(*room, announced + 1, u64::MAX).iter();
    let Some(newer) = newer.find(|stored| stored.is_for(user)) else {
        return;
    };
    let seen = facts.first_seen.get(&newer.msg.id);
    if let Some(seen) = seen.filter(|line| **line < invoked) {
        report.add(Invariant::I10, &[*seen, invoked, login.at.line], || {
            let (conn, message) = (facts.conn(login.conn), facts.message(&newer.msg));
            format!("{conn} was shown number {announced} as the last message, after {message}")
        });
    }
}
