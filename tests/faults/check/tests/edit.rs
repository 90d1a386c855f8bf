//! Changing what a run recorded.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::check::{Invariant, Violation, check};
use crate::history::{Dump, DumpedMessage, Event, History, Line, Outcome};

/// A run, with its dump.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) history: History,
    pub(super) dump: Dump,
}

impl Case {
    pub(super) fn of((history, dump): (History, Dump)) -> Self {
        Self { history, dump }
    }

    /// What the checker says of it.
    pub(super) fn violations(&self) -> Vec<Violation> {
        check(&self.history, &self.dump)
    }

    /// Asserts that nothing is wrong.
    pub(super) fn is_clean(&self) {
        let violations = self.violations();
        let announced: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(announced.is_empty(), "{}", announced.join("\n"));
    }

    /// Asserts that exactly these invariants are violated.
    pub(super) fn breaks(&self, expected: &[Invariant]) -> Vec<Violation> {
        let violations = self.violations();
        let announced: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let mut found: Vec<Invariant> = violations.iter().map(|v| v.invariant).collect();
        found.dedup();
        assert_eq!(found, expected, "{}", announced.join("\n"));
        violations
    }

    /// Asserts that one invariant is violated, and that one violation names
    /// exactly these lines.
    pub(super) fn shows(&self, invariant: Invariant, lines: &[usize]) {
        let violations = self.breaks(&[invariant]);
        let named = violations.iter().any(|violation| violation.lines == lines);
        let announced: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(named, "not {lines:?}:\n{}", announced.join("\n"));
    }

    /// Numbers of the lines that are envelopes of a kind.
    pub(super) fn envelopes(&self, kind: &str) -> Vec<usize> {
        self.lines(|event| matches!(event, Event::Envelope { kind: k, .. } if **k == *kind))
    }

    /// Numbers of the lines that invoke an event.
    pub(super) fn invokes(&self, name: &str) -> Vec<usize> {
        self.lines(|event| matches!(event, Event::Invoke(invoke) if *invoke.event == *name))
    }

    /// The line that answers what this line invokes.
    pub(super) fn answer_to(&self, invoke: usize) -> usize {
        let Event::Invoke(asked) = &self.history.lines[invoke - 1].event else {
            panic!("line {invoke} invokes nothing");
        };
        self.lines(|event| matches!(event, Event::Answer { op, .. } if *op == asked.op))[0]
    }

    /// Numbers of lines.
    pub(super) fn lines(&self, is: impl Fn(&Event) -> bool) -> Vec<usize> {
        let lines = (1..).zip(&self.history.lines);
        lines
            .filter(|(_, line)| is(&line.event))
            .map(|(n, _)| n)
            .collect()
    }

    /// Numbers of the lines whose text holds all of these.
    pub(super) fn holding(&self, parts: &[&str]) -> Vec<usize> {
        let holds = |line: &Line| {
            let json = line.to_json().unwrap();
            parts.iter().all(|part| json.contains(part))
        };
        let lines = (1..).zip(&self.history.lines);
        lines
            .filter(|(_, line)| holds(line))
            .map(|(n, _)| n)
            .collect()
    }

    /// Changes what the server said in a line.
    pub(super) fn edit(&mut self, line: usize, change: impl FnOnce(&mut Value)) {
        let text: &mut Box<RawValue> = match &mut self.history.lines[line - 1].event {
            Event::Answer {
                outcome: Outcome::Ok(text) | Outcome::Error(text),
                ..
            } => text,
            Event::Envelope { data, .. } => data,
            Event::Invoke(invoke) => &mut invoke.payload,
            other => panic!("line {line} says nothing: {other:?}"),
        };
        let mut value: Value = serde_json::from_str(text.get()).unwrap();
        change(&mut value);
        *text = to_raw_value(&value).unwrap();
    }

    /// Whose connection a line is of.
    pub(super) fn user_of(&self, line: usize) -> Option<String> {
        let (Event::Envelope { c, .. }
        | Event::Answer { c, .. }
        | Event::Invoke(crate::history::Invoke { c, .. })) = &self.history.lines[line - 1].event
        else {
            return None;
        };
        self.history
            .lines
            .iter()
            .find_map(|line| match &line.event {
                Event::Open(open) if open.c == *c => Some(open.u.clone()),
                _ => None,
            })
    }

    /// Takes a line out.
    pub(super) fn remove(&mut self, line: usize) {
        self.history.lines.remove(line - 1);
    }

    /// Repeats a line right after itself.
    pub(super) fn double(&mut self, line: usize) {
        let copy = self.history.lines[line - 1].clone();
        self.history.lines.insert(line, copy);
    }

    /// Exchanges what happened in two lines.
    pub(super) fn swap(&mut self, one: usize, other: usize) {
        let event = self.history.lines[one - 1].event.clone();
        let second = &mut self.history.lines[other - 1].event;
        let event = std::mem::replace(second, event);
        self.history.lines[one - 1].event = event;
    }

    /// A stored message.
    pub(super) fn stored(&mut self, number: usize) -> &mut DumpedMessage {
        &mut self.dump.messages[number]
    }
}
