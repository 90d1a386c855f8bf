//! Positions that something is known of since some line.

use std::collections::BTreeMap;

/// Disjoint ranges of positions, each with the line that first covered it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans {
    /// First position → last position and line.
    ranges: BTreeMap<u64, (u64, usize)>,
}

impl Spans {
    /// Covers `from ..= to`; what was covered before keeps its line.
    pub(super) fn cover(&mut self, from: u64, to: u64, line: usize) {
        let mut next = from;
        if let Some((_, (end, _))) = self.ranges.range(..=from).next_back() {
            next = next.max(end.saturating_add(1));
        }
        while next <= to {
            let following = self.ranges.range(next..=to).next();
            let (gap_end, resume) = match following {
                Some((start, (end, _))) => (start.saturating_sub(1), end.saturating_add(1)),
                None => (to, to.saturating_add(1)),
            };
            if next <= gap_end {
                self.ranges.insert(next, (gap_end, line));
            }
            if resume <= next {
                return;
            }
            next = resume;
        }
    }

    /// The line that first covered a position.
    pub(super) fn line(&self, position: u64) -> Option<usize> {
        let (_, (end, line)) = self.ranges.range(..=position).next_back()?;
        (*end >= position).then_some(*line)
    }
}

/// Up to where something is known since which line; lines only come ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// Positions and lines, both ascending.
    steps: Vec<(u64, usize)>,
}

impl Reach {
    /// Notes that a line reaches up to a position.
    pub(super) fn note(&mut self, to: u64, line: usize) {
        if self.steps.last().is_none_or(|(last, _)| *last < to) {
            self.steps.push((to, line));
        }
    }

    /// The first line that reached a position.
    pub(super) fn line(&self, position: u64) -> Option<usize> {
        let first = self.steps.partition_point(|(to, _)| *to < position);
        self.steps.get(first).map(|(_, line)| *line)
    }

    /// Up to where it reached before a line; 0 for nowhere.
    pub(super) fn before(&self, line: usize) -> u64 {
        let count = self.steps.partition_point(|(_, one)| *one < line);
        let last = count.checked_sub(1).and_then(|last| self.steps.get(last));
        last.map_or(0, |(to, _)| *to)
    }
}
