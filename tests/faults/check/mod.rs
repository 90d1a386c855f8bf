//! The history checker: what a run of the fault harness must have kept.
//!
//! [`check`] is a pure function of a history and a dump. It knows nothing of how
//! the run was made, and the same input gives the same violations in the same
//! order. One file judges one invariant, or a few that belong together; the
//! invariants are those of the reliability plan:
//!
//! | | invariant | file |
//! |---|---|---|
//! | I1 | no acknowledged message is lost | `acknowledged` |
//! | I2 | nothing is stored or delivered that nobody sent | `phantoms` |
//! | I3 | one stored message per sender and `clientId` | `duplicates` |
//! | I4 | one total order: `seq` without gap, the same for everybody | `total_order` |
//! | I5, I6 | real-time order, order of one connection | `send_order` |
//! | I7 | delivery, once a connection, none that was confirmed | `delivery`, `missed`, `live` |
//! | I8 | statuses only go forward, `read` only after a read | `statuses`, `receipts`, `kept` |
//! | I9 | history is stable, pages join | `pages`, `walks` |
//! | I10 | unread is what a recount says | `unread` |
//! | I11 | presence agrees with the truth within its bounds | `presence` |
//! | I12 | nobody receives what belongs to a chat room they are not in, or is withheld | `isolation` |
//! | I13 | every event gets exactly one answer in time | `answers` |
//! | I16 | nothing leaks | `leaks` |
//! | I17 | statuses, times and counts follow from cursors that only grow | `cursors` |
//! | I18 | what is redacted keeps its place and says nothing any more | `changes` |
//! | E1–E4 | the application hears of every message, in order, of no other, each once | `events` |
//! | H1 | hooks and their policy decide what is stored | `hooks` |
//!
//! # Outcomes
//!
//! A *send* is one message: all tries with the same sender, receiver, text and
//! `clientId`. It is stored if one try was answered ok; it must not be stored if
//! every try failed with a code that says so ([`facts::FAILURES`]); else, with an
//! `unknown-outcome`, an `internal`, or no answer, it may be either.
//!
//! # Statuses
//!
//! A message is stored once and never changed; its status follows from its receiver's
//! cursors in the chat room. `sentAt` is announced only for messages that were born
//! `sent` and in the one announcement of a move, `readAt` where it is still known: an
//! absent time says nothing, two different ones of one message are a violation. The dump
//! has the statuses and times as they follow from the cursors, computed by code of the
//! harness.
//!
//! # Withheld messages
//!
//! A message from a blocked sender, where blocked sends are withheld, is a message like
//! any other to its sender and none to its receiver, who has a permanent gap there. To a
//! person whom they have ever blocked, users are shown as offline: that is not judged.
//!
//! # The application
//!
//! What it sends by the HTTP API stands in a history like what a socket sends: a *connection*
//! of the wire `api` is a series of calls to one server in the name of one person. They have a
//! `key` that nobody is shown, so that such a message has no `clientId`; the texts of a run are
//! all different. `stored` in an answer says whether a try failed.
//!
//! # What is not judged
//!
//! I14 and I15 need more than a history. The acks of `new-message` envelopes are
//! not in a history, so nothing is concluded from them.

mod acknowledged;
mod answers;
mod changes;
mod cursors;
mod delivery;
mod duplicates;
mod events;
mod facts;
mod hooks;
mod isolation;
mod kept;
mod leaks;
mod live;
mod missed;
mod pages;
mod phantoms;
mod presence;
mod receipts;
mod send_order;
pub(crate) mod sim;
mod spans;
pub(crate) mod speed;
mod statuses;
pub(crate) mod tests;
mod total_order;
mod unread;
mod walks;

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{Dump, History};
use facts::Facts;

/// Violations of one invariant that are listed one by one; the rest is counted.
const MAX_TOLD: usize = 50;

/// What the messenger promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
    I16,
    I17,
    I18,
    E1,
    E2,
    E3,
    E4,
    H1,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Which.
    pub(crate) invariant: Invariant,
    /// How, in words.
    pub(crate) what: String,
    /// Numbers of the history's lines that show it, ascending, from 1; none when
    /// the dump alone does.
    pub(crate) lines: Vec<usize>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)?;
        match self.lines.as_slice() {
            [] => write!(f, " (dump)"),
            [line] => write!(f, " (line {line})"),
            lines => {
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                write!(f, " (lines {})", lines.join(", "))
            }
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Report {
    found: BTreeMap<Invariant, Vec<Violation>>,
    more: BTreeMap<Invariant, usize>,
}

impl Report {
    /// Notes a violation. A line of 0 is no line.
    fn add(&mut self, invariant: Invariant, lines: &[usize], what: impl FnOnce() -> String) {
        let found = self.found.entry(invariant).or_default();
        if found.len() == MAX_TOLD {
            *self.more.entry(invariant).or_default() += 1;
            return;
        }
        let mut lines: Vec<usize> = lines.iter().copied().filter(|line| *line > 0).collect();
        lines.sort_unstable();
        lines.dedup();
        found.push(Violation {
            invariant,
            what: what(),
            lines,
        });
    }

    fn finish(self) -> Vec<Violation> {
        let mut all: Vec<Violation> = self.found.into_values().flatten().collect();
        all.extend(self.more.into_iter().map(|(invariant, more)| Violation {
            invariant,
            what: format!("and {more} more"),
            lines: Vec::new(),
        }));
        all
    }
}

/// Judges a run: every violation of I1–I13, I16–I18, E1–E4 and H1, by invariant; of each
/// invariant the first 50 and a count of the others.
///
/// The history is one that [`History::read`] accepts; the dump was read after
/// its last line. Takes O(n log n) in the number of events.
pub(crate) fn check(history: &History, dump: &Dump) -> Vec<Violation> {
    judge(history, dump).0
}

/// How much there was to judge; for a run that is to show something it is more
/// than nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Microseconds in which a connection's knowledge of a contact was compared
    /// with the truth, over all connections and contacts.
    pub(crate) watched_us: u64,
    /// Those of them about contacts who were at another server some time.
    pub(crate) across_us: u64,
}

/// As [`check`], and how much was judged.
pub(crate) fn judge(history: &History, dump: &Dump) -> (Vec<Violation>, Judged) {
    let mut report = Report::default();
    let facts = Facts::gather(history, dump, &mut report);
    acknowledged::check(&facts, &mut report);
    phantoms::check(&facts, &mut report);
    duplicates::check(&facts, &mut report);
    total_order::check(&facts, &mut report);
    send_order::check(&facts, &mut report);
    delivery::check(&facts, &mut report);
    live::check(&facts, &mut report);
    missed::check(&facts, &mut report);
    statuses::check(&facts, &mut report);
    receipts::check(&facts, &mut report);
    kept::check(&facts, &mut report);
    pages::check(&facts, &mut report);
    walks::check(&facts, &mut report);
    unread::check(&facts, &mut report);
    let judged = presence::check(&facts, &mut report);
    isolation::check(&facts, &mut report);
    answers::check(&facts, &mut report);
    leaks::check(&facts, &mut report);
    cursors::check(&facts, &mut report);
    changes::check(&facts, &mut report);
    events::check(&facts, &mut report);
    hooks::check(&facts, &mut report);
    (report.finish(), judged)
}
