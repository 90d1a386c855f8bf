//! I4: one order. Positions are 1, 2, 3 … in every chat room, times do not go
//! back along them, and whoever sees a message sees it as it is stored.

use std::collections::HashSet;

use super::facts::{Facts, How, Msg, Room};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (index, room) in facts.rooms.iter().enumerate() {
        positions(facts, index, room, report);
    }
    observations(facts, report);
    walks(facts, report);
}

fn positions(facts: &Facts<'_>, index: usize, room: &Room, report: &mut Report) {
    let mut last: Option<&Msg> = None;
    for stored in facts.messages(index) {
        let msg = &stored.msg;
        let expected = last.map_or(1, |last| last.seq + 1);
        if msg.seq != expected {
            report.add(Invariant::I4, &[], || {
                let (message, room) = (facts.message(msg), facts.room(index));
                let seq = msg.seq;
                format!("{message} of chat room {room} is number {seq} where {expected} comes next")
            });
        }
        if last.is_some_and(|last| last.created > msg.created) {
            report.add(Invariant::I4, &[], || {
                let seq = msg.seq;
                format!(
                    "{}, number {seq}, is older than the one before",
                    facts.message(msg)
                )
            });
        }
        if !(room.has(msg.from) && msg.to == room.other(msg.from)) {
            report.add(Invariant::I4, &[], || {
                format!("{} is stored in a chat room of others", facts.message(msg))
            });
        }
        last = Some(msg);
    }
    let last = last.map_or(0, |last| last.seq);
    if room.last_seq > last {
        report.add(Invariant::I4, &[], || {
            let (room, noted) = (facts.room(index), room.last_seq);
            format!("chat room {room} counts {noted} messages and has {last}")
        });
    }
}

/// What makes two sights of a message the same.
fn essence(msg: &Msg) -> impl PartialEq {
    let who = (msg.from, msg.to, msg.client);
    (msg.id, msg.seq, msg.room, msg.body, msg.created, who)
}

fn observations(facts: &Facts<'_>, report: &mut Report) {
    let mut announced = HashSet::new();
    for seen in &facts.seen {
        let msg = &seen.msg;
        // what is not stored is a matter of I1, I2 and I9
        let Some(stored) = facts.stored_by_id.get(&msg.id) else {
            continue;
        };
        let stored = &facts.stored[*stored].msg;
        // an acknowledged position is a matter of I1
        let differs = match seen.how {
            How::Sent(..) => msg.created != stored.created,
            _ => essence(msg) != essence(stored),
        };
        if differs && announced.insert((msg.id, seen.conn)) {
            report.add(Invariant::I4, &[seen.at.line], || {
                format!(
                    "{}, number {} of {}, is stored as {:?}, number {} of {}",
                    facts.message(msg),
                    msg.seq,
                    msg.created,
                    facts.names.text(stored.body),
                    stored.seq,
                    stored.created,
                )
            });
        }
    }
}

/// Both people's final history is what is stored; what came after a walk began
/// may be missing at the end.
fn walks(facts: &Facts<'_>, report: &mut Report) {
    let mut walks: Vec<_> = facts.final_walks.iter().collect();
    walks.sort_unstable();
    for ((user, room), walk) in walks {
        let stored = facts.messages(*room).iter();
        let mut stored = stored.filter(|stored| stored.is_for(*user));
        let mut last = facts.final_walk(*user, *room).unwrap_or_default().line;
        let begun = last;
        for seen in facts.shown(&facts.walks[*walk]) {
            let seen = &facts.seen[seen];
            let expected = stored.next().map(|stored| stored.msg.id);
            if expected != Some(seen.msg.id) {
                report.add(Invariant::I4, &[seen.at.line], || {
                    let (user, message) = (facts.user(*user), facts.message(&seen.msg));
                    format!("the history of {user} and what is stored part at {message}")
                });
                last = 0;
                break;
            }
            last = seen.at.line;
        }
        let known = |id| facts.first_seen.get(&id).is_some_and(|line| *line < begun);
        let left = stored.find(|stored| known(stored.msg.id));
        if let (Some(left), true) = (left, last > 0) {
            report.add(Invariant::I4, &[last], || {
                let (user, message) = (facts.user(*user), facts.message(&left.msg));
                format!("the history of {user} ends before {message}")
            });
        }
    }
}
