//! I3: a message is stored once, however often it is sent, and every ok answer
//! names the same one.

use std::collections::HashMap;

use super::facts::{Facts, How, Seen, Send};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut by_client = HashMap::new();
    let mut by_text = HashMap::new();
    for stored in &facts.stored {
        let msg = &stored.msg;
        let first = match msg.client {
            Some(client) => by_client.insert((msg.from, client), msg),
            // the texts of a run are all different
            None => by_text.insert((msg.from, msg.to, msg.body), msg),
        };
        if let Some(first) = first {
            let key = (msg.from, msg.to, msg.body, msg.client);
            let send = facts.send_of.get(&key).map(|send| &facts.sends[*send]);
            let lines = send.map(|send| invokes(facts, send)).unwrap_or_default();
            report.add(Invariant::I3, &lines, || {
                let (first, second) = (facts.message(first), facts.message(msg));
                format!("{first} is stored again as {second}")
            });
        }
    }
    for send in &facts.sends {
        answers(facts, send, report);
    }
}

fn invokes(facts: &Facts<'_>, send: &Send) -> Vec<usize> {
    let tries = send.tries.iter();
    tries.map(|op| facts.ops[*op].invoke.line).collect()
}

fn answers(facts: &Facts<'_>, send: &Send, report: &mut Report) {
    let mut oks = send.oks.iter().map(|ok| &facts.seen[*ok]);
    let Some(first) = oks.next() else {
        return;
    };
    for ok in oks {
        let lines = [first.at.line, ok.at.line];
        if (first.msg.id, first.msg.seq) != (ok.msg.id, ok.msg.seq) {
            report.add(Invariant::I3, &lines, || {
                let (one, other) = (facts.message(&first.msg), facts.message(&ok.msg));
                format!(
                    "one send was answered as {one}, number {}, and as {other}, number {}",
                    first.msg.seq, ok.msg.seq
                )
            });
        }
        if is_repeat_taken_for_new(facts, first, ok) {
            report.add(Invariant::I3, &lines, || {
                let message = facts.message(&ok.msg);
                format!("a repeat of {message} was not answered as a duplicate")
            });
        }
    }
}

/// Whether `ok` answers a try begun after the first answer, as if it were new.
fn is_repeat_taken_for_new(facts: &Facts<'_>, first: &Seen, ok: &Seen) -> bool {
    match ok.how {
        How::Sent(op, duplicate) => !duplicate && facts.ops[op].invoke > first.at,
        _ => false,
    }
}
