//! How far one member of a chat room has confirmed what they received.

use std::collections::BTreeMap;

use crate::id::Seq;

/// A delivered cursor, and confirmed ranges that lie beyond a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    delivered: Seq,
    /// Disjoint, not adjacent, all beyond `delivered + 1`: first → last.
    beyond: BTreeMap<Seq, Seq>,
}

impl Cursor {
    #[cfg(test)]
    fn at(delivered: Seq) -> Self {
        Self {
            delivered,
            beyond: BTreeMap::new(),
        }
    }

    /// Everything up to here is confirmed.
    pub(super) fn delivered(&self) -> Seq {
        self.delivered
    }

    /// Whether nothing waits beyond a gap.
    pub(super) fn is_settled(&self) -> bool {
        self.beyond.is_empty()
    }

    /// Confirms `first ..= last`; tells whether the cursor moved.
    ///
    /// The cursor never jumps a gap: what lies beyond one is remembered until
    /// the gap is closed.
    pub(super) fn confirm(&mut self, first: Seq, last: Seq) -> bool {
        if last <= self.delivered || first > last {
            return false;
        }
        let (mut first, mut last) = (first, last);
        // a neighbour that reaches up to the range joins it, as do all it covers
        if let Some((&start, &end)) = self.beyond.range(..=first).next_back()
            && end >= first - 1
        {
            first = start;
            last = last.max(end);
        }
        while let Some((&start, &end)) = self.beyond.range(first..=last + 1).next() {
            last = last.max(end);
            self.beyond.remove(&start);
        }
        if first <= self.delivered + 1 {
            self.delivered = last;
            true
        } else {
            self.beyond.insert(first, last);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Cursor;

    #[test]
    fn the_cursor_waits_at_a_gap_and_passes_it_once_closed() {
        let mut cursor = Cursor::at(10);
        assert!(!cursor.confirm(12, 15));
        assert_eq!(cursor.delivered(), 10);
        assert!(cursor.confirm(11, 11));
        assert_eq!(cursor.delivered(), 15);
        assert!(cursor.is_settled());
    }

    #[test]
    fn confirming_again_moves_nothing() {
        let mut cursor = Cursor::at(5);
        assert!(!cursor.confirm(1, 5));
        assert!(cursor.confirm(4, 6));
        assert!(!cursor.confirm(6, 6));
        assert_eq!(cursor.delivered(), 6);
    }

    proptest! {
        #[test]
        fn it_equals_a_set_of_confirmed_numbers(
            ranges in proptest::collection::vec((1_i64..60, 0_i64..8), 0..40)
        ) {
            let mut cursor = Cursor::at(0);
            let mut confirmed = BTreeSet::new();
            for (first, length) in ranges {
                cursor.confirm(first, first + length);
                confirmed.extend(first..=first + length);
                let expected = (1..100).take_while(|n| confirmed.contains(n)).count();
                prop_assert_eq!(cursor.delivered(), i64::try_from(expected).unwrap());
            }
        }
    }
}
