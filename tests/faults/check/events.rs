//! E1: every consumer of events hears of each acknowledged message. E2: of those of a chat
//! room in their order. E3: of nothing that is not stored as the event says. E4: an event
//! has one id for ever, and a consumer that stores its cursor is given each once.
//!
//! What was *taken* counts: what a receiver refused comes again. An id may come again for the
//! time of a fault that loses writes and a while after: what a server wrote that was killed,
//! another one may write once more. Then it is the same event, of the same type and with the
//! same content, but for what is read only when it is delivered.

use std::collections::HashMap;

use super::facts::{Facts, Heard, Sym};
use super::{Invariant, Report};

/// How long after a fault, and the lease, what was noted may be noted again.
const NOTED_AGAIN_MS: u64 = 10_000;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for heard in &facts.heard {
        stored(facts, heard, report);
    }
    let consumers = [("pull", facts.run.pulls), ("push", facts.run.pushes)];
    for (consumer, _) in consumers.into_iter().filter(|(_, is_there)| *is_there) {
        Consumer::new(facts, consumer).check(report);
    }
}

/// What an event says of a message is what is stored.
fn stored(facts: &Facts<'_>, heard: &Heard, report: &mut Report) {
    let Some(msg) = &heard.created else {
        return;
    };
    let stored = facts.stored_by_id.get(&msg.id);
    let stored = stored.map(|stored| &facts.stored[*stored].msg);
    let says = (msg.room, msg.seq, msg.from, msg.to, msg.body);
    if stored.is_none_or(|it| (it.room, it.seq, it.from, it.to, it.body) != says) {
        report.add(Invariant::E3, &[heard.at.line], || {
            let message = facts.message(msg);
            format!("an event is about {message}, which is not stored like this")
        });
    }
}

/// One of those that hear of everything.
struct Consumer<'a> {
    facts: &'a Facts<'a>,
    name: &'static str,
    /// The first time that each event was taken, by its id.
    first: HashMap<Sym, &'a Heard>,
    /// The event of each message.
    of: HashMap<Sym, &'a Heard>,
    /// The last first time of each chat room: position and line.
    last: HashMap<Sym, (u64, usize)>,
}

impl<'a> Consumer<'a> {
    fn new(facts: &'a Facts<'a>, name: &'static str) -> Self {
        Self {
            facts,
            name,
            first: HashMap::new(),
            of: HashMap::new(),
            last: HashMap::new(),
        }
    }

    fn check(mut self, report: &mut Report) {
        for heard in &self.facts.heard {
            if *heard.by == *self.name && heard.taken {
                self.take(heard, report);
            }
        }
        self.all(report);
    }

    fn take(&mut self, heard: &'a Heard, report: &mut Report) {
        let (facts, name) = (self.facts, self.name);
        let line = heard.at.line;
        if let Some(first) = self.first.get(&heard.id) {
            let lines = [first.at.line, line];
            if !first.says_the_same_as(heard) {
                report.add(Invariant::E4, &lines, || {
                    let id = facts.names.text(heard.id);
                    format!("two events of {name} have the id {id}")
                });
            } else if name == "pull" && !may_be_noted_again(facts, heard) {
                report.add(Invariant::E4, &lines, || {
                    let id = facts.names.text(heard.id);
                    format!("event {id} came twice to who stores the cursor")
                });
            }
            return;
        }
        self.first.insert(heard.id, heard);
        let Some(msg) = &heard.created else {
            return;
        };
        if let Some(other) = self.of.insert(msg.id, heard) {
            report.add(Invariant::E4, &[other.at.line, line], || {
                let message = facts.message(msg);
                format!("two events with different ids are about {message}")
            });
        }
        let before = self.last.insert(msg.room, (msg.seq, line));
        if let Some((seq, earlier)) = before.filter(|(seq, _)| *seq > msg.seq) {
            report.add(Invariant::E2, &[earlier, line], || {
                format!("{name} heard of number {} after number {seq}", msg.seq)
            });
        }
    }

    /// What was acknowledged was heard of.
    fn all(&self, report: &mut Report) {
        let facts = self.facts;
        for send in &facts.sends {
            let Some(ok) = send.oks.first().map(|ok| &facts.seen[*ok]) else {
                continue;
            };
            // what is not stored is a matter of I1
            let is_stored = facts.stored_by_id.contains_key(&ok.msg.id);
            let is_due = is_stored && !facts.is_withheld(ok.msg.id);
            if is_due && !self.of.contains_key(&ok.msg.id) {
                report.add(Invariant::E1, &[ok.at.line], || {
                    let (message, name) = (facts.message(&ok.msg), self.name);
                    format!("{message} was acknowledged, and {name} never heard of it")
                });
            }
        }
    }
}

impl Heard {
    /// Whether another event says the same. Whether a message was redacted or read meanwhile
    /// is read when it is delivered.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let message = |heard: &Self| {
            let message = heard.created.as_ref();
            message.map(|msg| (msg.id, msg.room, msg.seq, msg.from, msg.to))
        };
        self.kind == other.kind && self.said == other.said && message(self) == message(other)
    }
}

fn may_be_noted_again(facts: &Facts<'_>, heard: &Heard) -> bool {
    let after = (facts.run.lease_ms + facts.run.slack_ms + NOTED_AGAIN_MS) * 1000;
    let mut faults = facts.faults.iter().filter(|fault| fault.loses_writes());
    faults.any(|fault| fault.begin <= heard.at.t && heard.at.t <= fault.end.saturating_add(after))
}
