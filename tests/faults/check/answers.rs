//! I13: every event gets exactly one answer before its deadline, or its
//! connection is closed by then.
//!
//! Every event of the harness asks for an acknowledgement, so an `error` envelope
//! is an answer too many. A fault that stops the server or the link lengthens the deadline by its own
//! length; one of the database does not. `disconnect` is answered by the close.

use super::facts::{Facts, Op, Request, extended};
use super::{Invariant, Report};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for line in &facts.unasked {
        report.add(Invariant::I13, &[*line], || {
            "an answer that nobody asked for".to_owned()
        });
    }
    for line in &facts.errors {
        report.add(Invariant::I13, &[*line], || {
            "an `error` envelope, though every event has an acknowledgement".to_owned()
        });
    }
    for op in &facts.ops {
        let first = op.answer.map_or(0, |(at, _)| at.line);
        if !op.again.is_empty() {
            let lines = [&[op.invoke.line, first], op.again.as_slice()].concat();
            report.add(Invariant::I13, &lines, || {
                format!(
                    "operation {} was answered {} times",
                    op.number,
                    op.again.len() + 1
                )
            });
        }
        if op.request == Request::Disconnect {
            continue;
        }
        let conn = &facts.conns[op.conn];
        let close = conn.close.map(|(at, _)| at);
        let done = match (op.answer, close) {
            (Some((at, _)), _) => at,
            (None, Some(close)) => close,
            (None, None) => facts.end,
        };
        // the faults are looked at only for the few that are late
        let wait = (facts.run.deadline_ms + facts.run.slack_ms) * 1000;
        if done.t > op.invoke.t + wait && done.t > bound(facts, op, wait) {
            let end = op.answer.map(|(at, _)| at).or(close);
            let lines = [op.invoke.line, end.map_or(0, |at| at.line)];
            report.add(Invariant::I13, &lines, || {
                let waited = (done.t - op.invoke.t) / 1000;
                let answer = if op.answer.is_some() { "late" } else { "not" };
                format!(
                    "operation {} of {} was {answer} answered: {waited} ms",
                    op.number,
                    facts.conn(op.conn)
                )
            });
        }
    }
}

fn bound(facts: &Facts<'_>, op: &Op, wait: u64) -> u64 {
    let conn = &facts.conns[op.conn];
    let faults = facts
        .faults
        .iter()
        .filter(|fault| fault.stops_answers(conn));
    extended(op.invoke.t, wait, faults)
}
