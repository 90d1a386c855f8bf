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
