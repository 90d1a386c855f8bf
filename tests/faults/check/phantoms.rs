//! I2: what is stored, delivered or paged was sent, by whom and as it says,
//! before it was seen; and what failed is nowhere.

use std::collections::HashSet;

use super::facts::{Facts, Fate, Msg, Send};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut known = HashSet::new();
    for seen in &facts.seen {
        let msg = &seen.msg;
        match send_of(facts, msg) {
            None => {
                if known.insert((msg.id, 0)) {
                    report.add(Invariant::I2, &[seen.at.line], || {
                        format!("{} was seen and never sent like this", facts.message(msg))
                    });
                }
            }
            Some(send) if send.first.line > seen.at.line => {
                if known.insert((msg.id, 1)) {
                    report.add(Invariant::I2, &[seen.at.line, send.first.line], || {
                        format!("{} was seen before it was sent", facts.message(msg))
                    });
                }
            }
            Some(send) if facts.fate(send) == Fate::Failed => {
                if known.insert((msg.id, 2)) {
                    failed(facts, report, send, msg, seen.at.line);
                }
            }
            Some(_) => {}
        }
    }
    for stored in &facts.stored {
        let msg = &stored.msg;
        match send_of(facts, msg) {
            None => report.add(Invariant::I2, &[], || {
                format!(
                    "{} is stored and was never sent like this",
                    facts.message(msg)
                )
            }),
            Some(send) if facts.fate(send) == Fate::Failed => {
                if known.insert((msg.id, 2)) {
                    failed(facts, report, send, msg, 0);
                }
            }
            Some(_) => {}
        }
    }
}

fn send_of<'a>(facts: &'a Facts<'_>, msg: &Msg) -> Option<&'a Send> {
    let key = (msg.from, msg.to, msg.body, msg.client);
    facts.send_of.get(&key).map(|send| &facts.sends[*send])
}

fn failed(facts: &Facts<'_>, report: &mut Report, send: &Send, msg: &Msg, line: usize) {
    let answers = send.tries.iter().filter_map(|op| facts.ops[*op].answer);
    let mut lines: Vec<usize> = answers.map(|(at, _)| at.line).collect();
    lines.push(line);
    report.add(Invariant::I2, &lines, || {
        let place = if line == 0 { "stored" } else { "seen" };
        format!(
            "every send of {} failed, and it was {place}",
            facts.message(msg)
        )
    });
}
