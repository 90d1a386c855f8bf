//! What a person has received, from whom, and whether it was right.

use std::collections::{BTreeSet, HashMap};

use super::Expected;
use crate::measure::{Checks, Order};
use crate::wire::{Envelope, Text, number_after};

/// Everything received, over all sockets one after the other.
#[derive(Debug)]
pub(super) struct Inbox {
    run: u32,
    me: u32,
    from: HashMap<u32, Sender>,
}

/// What was received from one sender.
#[derive(Debug, Default)]
struct Sender {
    order: Order,
    last_seq: u64,
    /// In the last login as missed; each may arrive once more, live.
    missed: BTreeSet<u64>,
}

impl Sender {
    /// A message may be among the missed ones of a login and live as well, if
    /// it was stored while the login was under way (docs/protocol.md).
    fn live(&mut self, n: u64, seq: u64) {
        if self.missed.remove(&n) {
            self.order.see_again(n, seq);
        } else {
            self.order.see(n, seq);
        }
    }

    fn missed(&mut self, n: u64, seq: u64) {
        self.missed.insert(n);
        self.order.see_again(n, seq);
    }
}

impl Inbox {
    /// Empty; takes messages of this run only, and no copies of one's own.
    pub(super) fn new(run: u32, me: u32) -> Self {
        Self {
            run,
            me,
            from: HashMap::new(),
        }
    }

    /// Takes an event: a new message, or those missed at a login, which are sent again
    /// until they are confirmed.
    pub(super) fn hear(&mut self, arguments: &str) {
        match Envelope::parse(arguments) {
            Some(Envelope {
                kind: "new-message",
                rest,
            }) => self.messages(rest, Sender::live),
            Some(Envelope {
                kind: "user-details",
                rest,
            }) => {
                let missed = rest.split_once("\"missedMessages\":");
                let missed = missed.map_or("", |(_, missed)| missed);
                for sender in self.from.values_mut() {
                    sender.missed.clear();
                }
                self.messages(missed, Sender::missed);
            }
            _ => {}
        }
    }

    fn messages(&mut self, json: &str, see: fn(&mut Sender, u64, u64)) {
        let (run, me) = (self.run, self.me);
        let others = Text::find_all(json).filter(|(text, _)| text.run == run && text.from != me);
        for (text, rest) in others {
            let seq = number_after(rest, "\"seq\":").unwrap_or(0);
            let sender = self.from.entry(text.from).or_default();
            see(sender, text.n, seq);
            sender.last_seq = sender.last_seq.max(seq);
        }
    }

    /// The newest `seq` from somebody, 0 if there is none.
    pub(super) fn last_seq(&self, from: u32) -> u64 {
        self.from.get(&from).map_or(0, |sender| sender.last_seq)
    }

    /// Whether everything is here.
    pub(super) fn has_all(&self, expected: &Expected) -> bool {
        expected.iter().all(|(from, (sent, failed))| {
            let sender = self.from.get(from);
            sender.map_or(*sent == 0, |sender| sender.order.lost(*sent, failed) == 0)
        })
    }

    /// What is wrong with it.
    pub(super) fn checks(&self, expected: &Expected) -> Checks {
        let none = Order::default();
        let order = |from: &u32| self.from.get(from).map_or(&none, |sender| &sender.order);
        let lost = expected
            .iter()
            .map(|(from, (sent, failed))| order(from).lost(*sent, failed));
        Checks {
            lost: lost.sum(),
            duplicate: self
                .from
                .values()
                .map(|sender| sender.order.duplicate)
                .sum(),
            disorder: self.from.values().map(|sender| sender.order.disorder).sum(),
            errors: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn message(n: u64, seq: u64) -> String {
        format!("{{\"message\":\"L9 4 {n} 0 .\",\"seq\":{seq}}}")
    }

    fn new(n: u64, seq: u64) -> String {
        format!(
            "[\"chatzz\",{{\"type\":\"new-message\",\"data\":{}}}]",
            message(n, seq)
        )
    }

    #[test]
    fn copies_of_ones_own_messages_are_not_counted() {
        let mut inbox = Inbox::new(9, 5);
        inbox.hear(&new(0, 1));
        inbox.hear("[\"chatzz\",{\"type\":\"new-message\",\"data\":{\"message\":\"L9 5 0 0 .\",\"seq\":2}}]");
        let expected = Expected::from([(4, (1, BTreeSet::new()))]);
        assert!(inbox.has_all(&expected));
        assert!(inbox.checks(&expected).are_clean());
        assert_eq!((inbox.last_seq(4), inbox.last_seq(5)), (1, 0));
    }

    #[test]
    fn missed_messages_may_come_live_once_more_and_new_ones_may_not() {
        let mut inbox = Inbox::new(9, 5);
        inbox.hear(&new(0, 1));
        let (again, first) = (message(0, 1), message(1, 2));
        inbox.hear(&format!(
            "[\"chatzz\",{{\"type\":\"user-details\",\"data\":{{\"missedMessages\":{{\"x\":[{again},{first}]}}}}}}]"
        ));
        let expected = Expected::from([(4, (3, BTreeSet::new()))]);
        assert_eq!(inbox.checks(&expected).lost, 1);
        assert_eq!(inbox.checks(&expected).duplicate, 0);
        inbox.hear(&new(1, 2));
        assert_eq!(
            inbox.checks(&expected).duplicate,
            0,
            "stored during the login"
        );
        inbox.hear(&new(1, 2));
        assert_eq!(inbox.checks(&expected).duplicate, 1);
    }
}
