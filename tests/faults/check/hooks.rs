//! H1: what the application refused is stored nowhere, and what it could not be asked about
//! follows the policy and nothing else.
//!
//! With `refuse`, each stored message that a person sent was allowed before anybody saw it.
//! With `allow`, one that was sent once may be stored unless it was refused; a repeat may come
//! when the application is not asked for a while, and a server that stood still may have got
//! the verdict too late, which is as good as none. With either, who
//! was answered `refused` was refused by the application. Messages that the application
//! sends itself are not asked about.

use std::collections::HashMap;

use super::facts::{Asked, Facts, Stored, Sym, Verdict};
use super::{Invariant, Report};
use crate::history::Policy;

/// What was asked about: sender, receiver, text.
type Question = (Sym, Sym, Sym);

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let Some(policy) = facts.run.hooks else {
        return;
    };
    let mut asked: HashMap<Question, Vec<&Asked>> = HashMap::new();
    for one in &facts.asked {
        asked.entry(one.question).or_default().push(one);
    }
    for stored in &facts.stored {
        let msg = &stored.msg;
        let key = (msg.from, msg.to, msg.body, msg.client);
        let send = facts.send_of.get(&key).map(|send| &facts.sends[*send]);
        // what nobody sent is a matter of I2
        let by_person = send.is_some_and(|send| {
            let conn = |op: &usize| &facts.conns[facts.ops[*op].conn];
            send.tries.iter().any(|op| !conn(op).is_api)
        });
        if by_person {
            let verdicts = asked.get(&(msg.from, msg.to, msg.body));
            let verdicts = verdicts.map(Vec::as_slice).unwrap_or_default();
            stands(facts, policy, stored, verdicts, report);
        }
    }
    for (op, at) in &facts.refused {
        let op = &facts.ops[*op];
        let super::facts::Request::Send(send) = op.request else {
            continue;
        };
        let send = &facts.sends[send];
        let question = (send.from, send.to, send.body);
        let verdicts = asked.get(&question).map(Vec::as_slice).unwrap_or_default();
        let refused = |one: &&Asked| one.verdict == Verdict::Refuse && one.at < *at;
        if !verdicts.iter().any(refused) {
            report.add(Invariant::H1, &[op.invoke.line, at.line], || {
                let text = facts.names.text(send.body);
                format!("{text:?} was answered as refused, and nobody had refused it")
            });
        }
    }
}

fn stands(
    facts: &Facts<'_>,
    policy: Policy,
    stored: &Stored,
    verdicts: &[&Asked],
    report: &mut Report,
) {
    let msg = &stored.msg;
    let seen = facts.first_seen.get(&msg.id).copied();
    let seen = seen.unwrap_or(usize::MAX);
    let allowed = |one: &&&Asked| one.verdict == Verdict::Allow && one.at.line < seen;
    if verdicts.iter().any(|one| allowed(&one)) {
        return;
    }
    let lines: Vec<usize> = verdicts.iter().map(|one| one.at.line).collect();
    match policy {
        Policy::Refuse => report.add(Invariant::H1, &lines, || {
            let message = facts.message(msg);
            format!("{message} is stored, and the application had not allowed it")
        }),
        Policy::Allow => {
            let send = facts.send_of.get(&(msg.from, msg.to, msg.body, msg.client));
            let is_repeated = send.is_some_and(|send| facts.sends[*send].tries.len() > 1);
            let refused =
                |one: &&Asked| one.verdict == Verdict::Refuse && !stood_still(facts, one.at.t);
            if !is_repeated && !verdicts.is_empty() && verdicts.iter().all(refused) {
                report.add(Invariant::H1, &lines, || {
                    let message = facts.message(msg);
                    format!("{message} is stored, and the application had refused it")
                });
            }
        }
    }
}

/// Whether a server may have stood still, so that an answer came too late for it.
fn stood_still(facts: &Facts<'_>, t: u64) -> bool {
    let around = (facts.run.deadline_ms + facts.run.slack_ms) * 1000;
    facts.faults.iter().any(|fault| {
        fault.begin <= t.saturating_add(around) && t <= fault.end.saturating_add(around)
    })
}
