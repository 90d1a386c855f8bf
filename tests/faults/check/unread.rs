//! I10: at the end, what a login says of each contact is what a recount of the
//! database says; own messages never count.

use super::facts::{Facts, KnownContact, Login, Request};
use super::{Invariant, Report};
use crate::history::{Phase, Status};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for stored in &facts.stored {
        let msg = &stored.msg;
        if stored.unread != (msg.status != Status::Read) {
            report.add(Invariant::I10, &[], || {
                let unread = stored.unread;
                format!(
                    "{} is {:?} and has unread: {unread}",
                    facts.message(msg),
                    msg.status
                )
            });
        }
    }
    let last_phase = facts.phase(Phase::Final).map_or(usize::MAX, |at| at.line);
    for login in &facts.logins {
        let invoked = login.op.map(|op| facts.ops[op].invoke.line);
        for contact in &login.contacts {
            last_message(facts, login, contact, invoked.unwrap_or(0), report);
            if login.at.line > last_phase {
                recount(facts, login, contact, last_phase, report);
            }
        }
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
    let (Some(room), Some(told)) = (room, contact.unread) else {
        return;
    };
    if moved(facts, last_phase) {
        return;
    }
    let unread = facts
        .messages(*room)
        .iter()
        .filter(|stored| stored.msg.to == user && stored.msg.status != Status::Read);
    let counted = unread.count() as u64;
    if told != counted {
        report.add(Invariant::I10, &[login.at.line], || {
            let (user, other) = (facts.user(user), facts.user(contact.user));
            format!("{user} was told of {told} unread messages of {other}, and there are {counted}")
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
    let told = contact.last.map_or(0, |(_, seq)| seq);
    let newer = facts.between(*room, told + 1, u64::MAX).first();
    let Some(newer) = newer else {
        return;
    };
    let seen = facts.first_seen.get(&newer.msg.id);
    if let Some(seen) = seen.filter(|line| **line < invoked) {
        report.add(Invariant::I10, &[*seen, invoked, login.at.line], || {
            let (conn, message) = (facts.conn(login.conn), facts.message(&newer.msg));
            format!("{conn} was told of number {told} as the last message, after {message}")
        });
    }
}
