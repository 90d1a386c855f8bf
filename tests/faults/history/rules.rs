//! What the recorder promises of every history, whatever the server did.

use std::collections::{HashMap, HashSet};

use anyhow::ensure;

use super::{Event, History};

/// Makes sure that a history keeps the rules of its format.
pub(super) fn keep(history: &History) -> anyhow::Result<()> {
    let is_run = |event: &Event| matches!(event, Event::Run(_));
    let first = history.lines.first();
    ensure!(
        first.is_some_and(|line| is_run(&line.event)),
        "line 1: is no `run`"
    );
    let mut now = 0;
    let mut open: HashMap<u64, bool> = HashMap::new();
    let mut ops = HashSet::new();
    for (number, line) in (1..).zip(&history.lines) {
        ensure!(line.t >= now, "line {number}: time goes back");
        now = line.t;
        ensure!(
            number == 1 || !is_run(&line.event),
            "line {number}: `run` again"
        );
        if let Event::Open(one) = &line.event {
            let new = open.insert(one.c, true).is_none();
            ensure!(new, "line {number}: connection {} is not new", one.c);
        }
        if let Some(c) = connection(&line.event) {
            ensure!(
                open.get(&c) == Some(&true),
                "line {number}: connection {c} is not open"
            );
        }
        if let Event::Close { c, .. } = &line.event {
            open.insert(*c, false);
        }
        if let Event::Invoke(invoke) = &line.event {
            let new = ops.insert(invoke.op);
            ensure!(new, "line {number}: operation {} is not new", invoke.op);
        }
    }
    Ok(())
}

fn connection(event: &Event) -> Option<u64> {
    match event {
        Event::Open(open) => Some(open.c),
        Event::Invoke(invoke) => Some(invoke.c),
        Event::Close { c, .. } | Event::Answer { c, .. } | Event::Envelope { c, .. } => Some(*c),
        Event::Run(_)
        | Event::Fault { .. }
        | Event::Healed { .. }
        | Event::Phase(_)
        | Event::Sample(_)
        | Event::Heard(_)
        | Event::Asked { .. } => None,
    }
}
