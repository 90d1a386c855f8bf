//! What came twice, by the bus and by the log, is announced once.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::OwnedSemaphorePermit;

use crate::domain::Message;
use crate::store::{Entry, Item};

/// What another server sent at once, before it was in the log.
#[derive(Debug)]
pub struct Hint {
    /// The run of that server.
    pub boot: String,
    /// Messages that it stored, those of a chat room in the order of their positions.
    pub messages: Vec<Message>,
    /// Everything else that happened.
    pub items: Vec<Item>,
    /// Its share of what may wait.
    pub share: Option<OwnedSemaphorePermit>,
}

impl Hint {
    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let texts = self.messages.iter().map(Message::content_bytes);
        texts.sum::<usize>() + 400 * (self.messages.len() + self.items.len())
    }
}

/// Servers that are remembered: more than there are at once.
const MAX_SERVERS: usize = 1_000;

/// The items of other servers that were announced. Messages need none of it: they have a
/// position in their chat room.
#[derive(Debug, Default)]
pub struct Done {
    servers: HashMap<String, Numbers>,
}

/// The name of a server from the id of one of its runs: its items are numbered on when it
/// has to begin a new run.
fn server(boot: &str) -> String {
    let name = boot.rsplit_once('#').map(|(name, _)| name);
    name.unwrap_or(boot).to_owned()
}

/// The numbers of one server's items.
#[derive(Debug, Default)]
struct Numbers {
    /// Up to here the log has been read.
    logged: i64,
    /// Beyond that, those that came by the bus.
    hinted: BTreeSet<i64>,
}

impl Done {
    /// Removes from an entry of the log what came by the bus before.
    pub fn leave_out(&mut self, entry: &mut Entry) {
        let Some(newest) = entry.items.iter().map(|item| item.number).max() else {
            return;
        };
        if self.servers.len() > MAX_SERVERS {
            // an item that is under way just now may come twice
            self.servers.clear();
        }
        let numbers = self.servers.entry(server(&entry.boot)).or_default();
        let hinted = &numbers.hinted;
        entry.items.retain(|item| !hinted.contains(&item.number));
        numbers.logged = numbers.logged.max(newest);
        numbers.hinted = numbers.hinted.split_off(&(numbers.logged + 1));
    }

    /// Removes from a hint what came before.
    pub fn leave_out_of_hint(&self, hint: &mut Hint) {
        if let Some(numbers) = self.servers.get(&server(&hint.boot)) {
            let is_news = |item: &Item| {
                item.number > numbers.logged && !numbers.hinted.contains(&item.number)
            };
            hint.items.retain(is_news);
        }
    }

    /// What a hint contained is announced.
    pub fn note(&mut self, hint: &Hint) {
        if hint.items.is_empty() {
            return;
        }
        let numbers = self.servers.entry(server(&hint.boot)).or_default();
        let hinted = hint.items.iter().map(|item| item.number);
        numbers.hinted.extend(hinted);
    }
}

#[cfg(test)]
mod tests {
    use bson::DateTime;

    use super::*;
    use crate::store::Event;

    fn items(numbers: &[i64]) -> Vec<Item> {
        let item = |number: &i64| Item {
            number: *number,
            event: Event::Ended {
                user: "7".to_owned(),
            },
        };
        numbers.iter().map(item).collect()
    }

    fn entry(boot: &str, numbers: &[i64]) -> Entry {
        Entry {
            id: 1,
            at: DateTime::now(),
            boot: boot.to_owned(),
            messages: Vec::new(),
            items: items(numbers),
            is_damaged: false,
        }
    }

    fn hint(boot: &str, numbers: &[i64]) -> Hint {
        Hint {
            boot: boot.to_owned(),
            messages: Vec::new(),
            items: items(numbers),
            share: None,
        }
    }

    fn numbers(items: &[Item]) -> Vec<i64> {
        items.iter().map(|item| item.number).collect()
    }

    #[test]
    fn whichever_comes_second_is_left_out() {
        let mut done = Done::default();
        done.note(&hint("a#1", &[1, 3]));
        // it lost its lease meanwhile
        let mut logged = entry("a#2", &[1, 2]);
        done.leave_out(&mut logged);
        assert_eq!(numbers(&logged.items), [2]);
        let mut hinted = hint("a#1", &[1, 2, 3, 4]);
        done.leave_out_of_hint(&mut hinted);
        assert_eq!(numbers(&hinted.items), [4]);
        let mut other = hint("b", &[1]);
        done.leave_out_of_hint(&mut other);
        assert_eq!(numbers(&other.items), [1]);
        let mut logged = entry("a#2", &[3, 4]);
        done.leave_out(&mut logged);
        assert_eq!(
            numbers(&logged.items),
            [4],
            "what came by the bus alone is done"
        );
        assert_eq!(done.servers["a"].hinted.len(), 0);
    }
}
