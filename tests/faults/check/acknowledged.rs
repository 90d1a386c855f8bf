//! I1: what was acknowledged is in the database, and in both people's history.

use super::facts::{Facts, Key};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (key, index) in sorted(facts) {
        let send = &facts.sends[index];
        for ok in &send.oks {
            let seen = &facts.seen[*ok];
            let asked = send
                .tries
                .iter()
                .map(|op| facts.ops[*op].invoke.line)
                .rfind(|line| *line < seen.at.line);
            let lines = [asked.unwrap_or(0), seen.at.line];
            let msg = &seen.msg;
            if (msg.from, msg.to, msg.body, msg.client) != key {
                report.add(Invariant::I1, &lines, || {
                    format!(
                        "a send was answered with another one, {}",
                        facts.message(msg)
                    )
                });
                continue;
            }
            let Some(stored) = facts.stored_by_id.get(&msg.id) else {
                report.add(Invariant::I1, &lines, || {
                    format!("{} was acknowledged and is not stored", facts.message(msg))
                });
                continue;
            };
            let stored = &facts.stored[*stored];
            let same = (stored.msg.seq, stored.msg.body, stored.msg.room);
            if same != (msg.seq, msg.body, msg.room) {
                report.add(Invariant::I1, &lines, || {
                    format!(
                        "{} was acknowledged as number {} and is stored as number {} ({:?})",
                        facts.message(msg),
                        msg.seq,
                        stored.msg.seq,
                        facts.names.text(stored.msg.body),
                    )
                });
            }
            let known = [msg.from, msg.to]
                .into_iter()
                .filter(|user| stored.is_for(*user));
            for user in known {
                // without a walk there is a violation of I9
                let walk = facts.final_walk(user, stored.room);
                let walk = walk.filter(|at| at.line > seen.at.line);
                if let Some(at) = walk.filter(|_| !facts.walked.contains(&(user, msg.id))) {
                    report.add(Invariant::I1, &[lines[1], at.line], || {
                        let (message, user) = (facts.message(msg), facts.user(user));
                        format!("{message} was acknowledged and is not in the history of {user}")
                    });
                }
            }
        }
    }
}

/// The sends in the order they were first invoked, with their keys.
fn sorted(facts: &Facts<'_>) -> Vec<(Key, usize)> {
    let mut sends: Vec<(Key, usize)> = facts
        .send_of
        .iter()
        .map(|(key, send)| (*key, *send))
        .collect();
    sends.sort_unstable_by_key(|(_, send)| *send);
    sends
}
