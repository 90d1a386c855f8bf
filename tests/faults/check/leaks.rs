//! I16: after the storm a server uses what it used before it.
//!
//! | figure | allowed against `baseline` |
//! |---|---|
//! | sockets, sessions | equal |
//! | tasks | ± 16: timers and pooled database connections come and go |
//! | descriptors | ± 16: the database driver's pool |
//! | resident memory | × 1.5 + 64 MiB: allocators keep what they had |
//!
//! A sample without sockets, descriptors or memory is no sample: the history is
//! refused. Sessions and tasks are compared where both samples have them; chatzz
//! exports neither.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Invariant, Report};
use crate::history::{Event, Sample};

/// Tasks that may be more or fewer.
const TASKS: u64 = 16;
/// Descriptors that may be more or fewer.
const FDS: u64 = 16;
/// Memory that may be added to one and a half of the baseline, 64 MiB in KiB.
const RSS_KIB: u64 = 64 * 1024;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut baselines: BTreeMap<u64, (usize, &Sample)> = BTreeMap::new();
    for (number, line) in (1..).zip(&facts.history.lines) {
        let Event::Sample(sample) = &line.event else {
            continue;
        };
        if sample.label == "baseline" {
            baselines.insert(sample.server, (number, sample));
            continue;
        }
        match baselines.get(&sample.server) {
            Some((first, baseline)) => {
                for what in leaks(baseline, sample) {
                    report.add(Invariant::I16, &[*first, number], || {
                        format!("server {}: {what}", sample.server)
                    });
                }
            }
            None => report.add(Invariant::I16, &[number], || {
                format!("server {} has no baseline", sample.server)
            }),
        }
    }
}

fn leaks(before: &Sample, after: &Sample) -> Vec<String> {
    let figures = [
        ("sockets", Some(before.sockets), Some(after.sockets), 0),
        ("sessions", before.sessions, after.sessions, 0),
        ("tasks", before.tasks, after.tasks, TASKS),
        ("descriptors", Some(before.fds), Some(after.fds), FDS),
    ];
    let mut leaks = Vec::new();
    for (name, before, after, allowed) in figures {
        if let (Some(before), Some(after)) = (before, after)
            && before.abs_diff(after) > allowed
        {
            leaks.push(format!("{before} {name} before, {after} after"));
        }
    }
    let (before, after) = (before.rss_kib, after.rss_kib);
    if after > before + before / 2 + RSS_KIB {
        leaks.push(format!("{before} KiB resident before, {after} KiB after"));
    }
    leaks
}
