//! Sends: messages, over all the tries to get them stored.

use super::{At, Facts, Result, Sym};

/// What makes tries the same message: sender, receiver, text, `clientId`.
pub(crate) type Key = (Sym, Sym, Sym, Option<Sym>);

/// A message that somebody tried to send.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    pub(crate) from: Sym,
    pub(crate) to: Sym,
    pub(crate) body: Sym,
    /// Its operations.
    pub(crate) tries: Vec<usize>,
    /// When it was first invoked.
    pub(crate) first: At,
    /// Its ok answers, among [`Facts::seen`].
    pub(crate) oks: Vec<usize>,
    /// Its place in the dump.
    pub(crate) stored: Option<usize>,
}

/// What a send's answers say of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Stored.
    Stored,
    /// Not stored: every try failed.
    Failed,
    /// Perhaps stored.
    Open,
}

impl Facts<'_> {
    /// The send of a key, made if there is none.
    pub(super) fn send(&mut self, key: Key, first: At) -> usize {
        let new = self.sends.len();
        let index = *self.send_of.entry(key).or_insert(new);
        if index == new {
            let (from, to, body, _) = key;
            self.sends.push(Send {
                from,
                to,
                body,
                tries: Vec::new(),
                first,
                oks: Vec::new(),
                stored: None,
            });
        }
        index
    }

    /// What the answers to a send say.
    pub(crate) fn fate(&self, send: &Send) -> Fate {
        let failed = |op: &usize| {
            let answer = self.ops[*op].answer;
            answer.is_some_and(|(_, result)| result == Result::Failed)
        };
        if !send.oks.is_empty() {
            Fate::Stored
        } else if send.tries.iter().all(failed) {
            Fate::Failed
        } else {
            Fate::Open
        }
    }

    /// The position of a send's message: in the dump, else as it was answered.
    pub(crate) fn position(&self, send: &Send) -> Option<u64> {
        let answered = || send.oks.first().map(|ok| self.seen[*ok].msg.seq);
        let stored = send.stored.map(|stored| self.stored[stored].msg.seq);
        stored.or_else(answered)
    }
}
