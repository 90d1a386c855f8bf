//! What a client of a person has been shown, as far as the person needs it.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde_json::Value;

/// How many received messages are remembered one by one.
const MAX_IDS: usize = 32;

/// Changes of a conversation.
#[derive(Clone, Copy, Default)]
struct Revs {
    /// Up to where everything is known.
    have: u64,
    /// The greatest that was heard of.
    known: u64,
}

/// Shared by the connections of a person.
#[derive(Default)]
pub(crate) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The highest number seen from each contact.
    newest: HashMap<String, u64>,
    /// The last messages received.
    ids: VecDeque<Value>,
    /// Of the changes of each conversation, which are all applied and which is the last.
    changes: HashMap<String, Revs>,
    /// The last `user-details`, for each connection that got one.
    details: HashMap<u64, Value>,
}

impl Memory {
    /// Takes an envelope in.
    pub(super) fn see(&self, connection: u64, me: &str, kind: &str, data: &Value) {
        let mut inner = self.inner.lock();
        match kind {
            "new-message" => inner.receive(me, data),
            "user-details" => {
                let missed = data["missedMessages"].as_object();
                let missed = missed.into_iter().flat_map(|by_sender| by_sender.values());
                for message in missed.filter_map(Value::as_array).flatten() {
                    inner.receive(me, message);
                }
                inner.details.insert(connection, data.clone());
                for contact in data["connectedUsers"].as_array().into_iter().flatten() {
                    if let (Some(id), Some(rev)) =
                        (contact["_id"].as_str(), contact["rev"].as_u64())
                    {
                        inner.change(id, rev, false);
                    }
                }
            }
            "message-changed" => {
                let people = [&data["from"]["_id"], &data["to"]["_id"]];
                let other = people
                    .into_iter()
                    .find_map(|one| one.as_str().filter(|id| *id != me));
                if let (Some(other), Some(rev)) = (other, data["rev"].as_u64()) {
                    inner.change(other, rev, true);
                }
            }
            _ => {}
        }
    }

    /// The highest number seen from a contact.
    pub(super) fn newest(&self, contact: &str) -> Option<u64> {
        self.inner.lock().newest.get(contact).copied()
    }

    /// The id of a message received lately.
    pub(super) fn some_id(&self, rng: &mut fastrand::Rng) -> Option<Value> {
        let inner = self.inner.lock();
        let index = rng.usize(..inner.ids.len().max(1));
        inner.ids.get(index).cloned()
    }

    /// The id of the message received last.
    pub(super) fn last_id(&self) -> Option<Value> {
        self.inner.lock().ids.back().cloned()
    }

    /// Contacts with changes that are not known, and after which they come.
    pub(super) fn gaps(&self) -> Vec<(String, u64)> {
        let inner = self.inner.lock();
        let open = inner
            .changes
            .iter()
            .filter(|(_, revs)| revs.have < revs.known);
        open.map(|(contact, revs)| (contact.clone(), revs.have))
            .collect()
    }

    /// Everything up to a change is known.
    pub(super) fn close_gap(&self, contact: &str, rev: u64) {
        let mut inner = self.inner.lock();
        let revs = inner.changes.entry(contact.to_owned()).or_default();
        revs.have = rev.max(revs.have);
        revs.known = rev.max(revs.known);
    }

    /// The content of a connection's login.
    pub(super) fn details(&self, connection: u64) -> Option<Value> {
        self.inner.lock().details.get(&connection).cloned()
    }

    /// Forgets the content of a connection's login.
    pub(super) fn forget(&self, connection: u64) {
        self.inner.lock().details.remove(&connection);
    }
}

impl Inner {
    /// A change was heard of; one that is shown as a whole, if it is the next one, too.
    fn change(&mut self, contact: &str, rev: u64, is_whole: bool) {
        let revs = self.changes.entry(contact.to_owned()).or_default();
        revs.known = rev.max(revs.known);
        if is_whole && rev == revs.have + 1 {
            revs.have = rev;
        }
    }

    fn receive(&mut self, me: &str, message: &Value) {
        let (Some(from), Some(seq)) = (message["from"]["_id"].as_str(), message["seq"].as_u64())
        else {
            return;
        };
        if from == me {
            return;
        }
        let newest = self.newest.entry(from.to_owned()).or_insert(0);
        *newest = seq.max(*newest);
        self.ids.push_back(message["_id"].clone());
        if self.ids.len() > MAX_IDS {
            self.ids.pop_front();
        }
    }
}
