//! I5: what is sent after another message was acknowledged comes after it.
//! I6: what one connection sends to one person keeps its order.

use std::collections::HashMap;

use super::facts::{Facts, Send};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    real_time(facts, report);
    program(facts, report);
}

/// A sweep over the lines: of each chat room the highest acknowledged position.
fn real_time(facts: &Facts<'_>, report: &mut Report) {
    let mut events: Vec<(usize, bool, &Send)> = Vec::new();
    for send in &facts.sends {
        events.push((send.first.line, false, send));
        if let Some(ok) = send.oks.first() {
            events.push((facts.seen[*ok].at.line, true, send));
        }
    }
    events.sort_unstable_by_key(|(line, is_ok, _)| (*line, *is_ok));
    let mut highest: HashMap<_, (u64, usize)> = HashMap::new();
    for (line, is_ok, send) in events {
        let Some(seq) = facts.position(send) else {
            continue;
        };
        let pair = (send.from.min(send.to), send.from.max(send.to));
        let known = highest.entry(pair).or_default();
        if is_ok {
            *known = (seq, line).max(*known);
        } else if seq < known.0 {
            let (before, acknowledged) = *known;
            report.add(Invariant::I5, &[acknowledged, line], || {
                format!("what was sent after number {before} was acknowledged became number {seq}")
            });
        }
    }
}

fn program(facts: &Facts<'_>, report: &mut Report) {
    let mut last: HashMap<_, (u64, usize)> = HashMap::new();
    // sends are in the order they were first invoked
    for send in &facts.sends {
        let [op] = send.tries[..] else {
            continue;
        };
        let Some(seq) = facts.position(send) else {
            continue;
        };
        let line = send.first.line;
        let before = last.insert((facts.ops[op].conn, send.to), (seq, line));
        if let Some((before, earlier)) = before.filter(|(before, _)| *before > seq) {
            report.add(Invariant::I6, &[earlier, line], || {
                format!(
                    "of two sends of one connection the first is number {before}, the second {seq}"
                )
            });
        }
    }
}
