//! Whether everything arrives, once, and in order.

use std::collections::BTreeSet;

/// The messages that one receiver got from one sender in one chat room.
///
/// The sender numbers its messages 0, 1, 2 …; the server numbers those of the
/// chat room with `seq`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// One more than the greatest number seen.
    next: u64,
    /// Numbers below `next` that have not been seen.
    missing: BTreeSet<u64>,
    last_seq: u64,
    /// Messages that arrived again and should not have.
    pub(crate) duplicate: u64,
    /// Messages that arrived after a later one, by the sender's or the server's number.
    pub(crate) disorder: u64,
}

impl Order {
    /// Notes message `n`, which the server numbered `seq`.
    pub(crate) fn see(&mut self, n: u64, seq: u64) {
        if n < self.next && !self.missing.contains(&n) {
            self.duplicate += 1;
            return;
        }
        self.note(n);
        self.disorder += u64::from(seq <= self.last_seq);
        self.last_seq = self.last_seq.max(seq);
    }

    /// Notes a message that the server rightly repeats until it is confirmed.
    pub(crate) fn see_again(&mut self, n: u64, seq: u64) {
        if n < self.next && !self.missing.contains(&n) {
            return;
        }
        self.see(n, seq);
    }

    fn note(&mut self, n: u64) {
        if n >= self.next {
            self.missing.extend(self.next..n);
            self.next = n + 1;
        } else {
            self.missing.remove(&n);
            self.disorder += 1;
        }
    }

    /// How many of the first `sent` never arrived, not counting those in `failed`, whose
    /// sender did not get an acknowledgement.
    pub(crate) fn lost(&self, sent: u64, failed: &BTreeSet<u64>) -> u64 {
        let tail = self.next..sent.max(self.next);
        let never = self.missing.iter().copied().chain(tail);
        let lost = never.filter(|n| *n < sent && !failed.contains(n)).count();
        u64::try_from(lost).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(messages: &[(u64, u64)]) -> Order {
        let mut order = Order::default();
        for (n, seq) in messages {
            order.see(*n, *seq);
        }
        order
    }

    fn faults(order: &Order, sent: u64) -> [u64; 3] {
        let lost = order.lost(sent, &BTreeSet::new());
        [lost, order.duplicate, order.disorder]
    }

    #[test]
    fn a_gapless_series_has_no_fault() {
        let order = seen(&[(0, 5), (1, 6), (2, 9)]);
        assert_eq!(faults(&order, 3), [0, 0, 0]);
    }

    #[test]
    fn what_never_came_is_lost_at_the_end_too() {
        let order = seen(&[(0, 1), (2, 3)]);
        assert_eq!(faults(&order, 4), [2, 0, 0]);
        let failed = BTreeSet::from([1, 3]);
        assert_eq!(
            order.lost(4, &failed),
            0,
            "their storing was announced to nobody"
        );
    }

    #[test]
    fn what_comes_twice_is_a_duplicate_and_no_disorder() {
        assert_eq!(faults(&seen(&[(0, 1), (1, 2), (0, 1)]), 2), [0, 1, 0]);
    }

    #[test]
    fn what_comes_late_is_disorder_once_for_each_numbering() {
        assert_eq!(faults(&seen(&[(1, 2), (0, 1)]), 2), [0, 0, 2]);
        assert_eq!(faults(&seen(&[(0, 2), (1, 1)]), 2), [0, 0, 1]);
    }

    #[test]
    fn a_rightful_repeat_is_no_fault_and_fills_a_gap() {
        let mut order = seen(&[(0, 1)]);
        order.see_again(0, 1);
        order.see_again(1, 2);
        assert_eq!(faults(&order, 2), [0, 0, 0]);
    }
}
