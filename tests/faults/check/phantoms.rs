//! I2: what is stored, delivered or paged was sent, by whom and as it says,
//! before it was seen; and what failed is nowhere, nor was it stored after all:
//! a `duplicate` of tries that all had failed before says so.

use std::collections::HashSet;

use super::facts::{Facts, Fate, How, Msg, Result, Send};
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
    for send in &facts.sends {
        false_failures(facts, send, report);
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

/// A repeat that was known although all tries before had failed, and no other
/// was made: one of them stored something.
fn false_failures(facts: &Facts<'_>, send: &Send, report: &mut Report) {
    for ok in send.oks.iter().map(|ok| &facts.seen[*ok]) {
        let How::Sent(repeat, true) = ok.how else {
            continue;
        };
        let begun = facts.ops[repeat].invoke;
        let others = send.tries.iter().filter(|one| **one != repeat);
        let failed: Option<Vec<usize>> = others
            .map(|one| match facts.ops[*one].answer {
                Some((at, Result::Failed)) if at < begun => Some(at.line),
                _ => None,
            })
            .collect();
        if let Some(mut lines) = failed.filter(|failed| !failed.is_empty()) {
            lines.push(ok.at.line);
            report.add(Invariant::I2, &lines, || {
                let message = facts.message(&ok.msg);
                format!("every send of {message} had failed, and it was stored")
            });
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
