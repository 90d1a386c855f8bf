//! The events that a person has received.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::directory::{key, name_of};

/// The prefix of every `clientId` of a peer: one peer does not answer another.
pub(super) const MARK: &str = "chatzz-peer-";

/// A message from somebody else.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// Its sender's id.
    pub(super) from: Value,
    /// Its sender's name.
    pub(super) name: String,
    pub(super) text: String,
    /// Whether its sender is a peer as well.
    pub(super) by_peer: bool,
}

/// Received messages that have not been looked at yet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// The person's own id.
    pub(super) me: Value,
    pub(super) messages: VecDeque<Heard>,
    /// The highest `seq` of each sender.
    pub(super) highest: HashMap<String, i64>,
    seen: HashSet<String>,
}

impl Inbox {
    /// The inbox of a person.
    pub(super) fn of(me: Value) -> Self {
        Self {
            me,
            ..Self::default()
        }
    }

    /// Takes an event; returns a line about it for the terminal, if there is one.
    pub(super) fn take(&mut self, arguments: &str) -> Vec<String> {
        let Ok(arguments) = serde_json::from_str::<Value>(arguments) else {
            return Vec::new();
        };
        let Some(envelope) = arguments.get(1) else {
            return Vec::new();
        };
        let data = &envelope["data"];
        match envelope["type"].as_str().unwrap_or_default() {
            "user-details" => {
                let missed = data["missedMessages"].as_object().into_iter();
                let missed = missed.flat_map(|missed| missed.values());
                let missed = missed.filter_map(Value::as_array).flatten();
                let missed: Vec<Value> = missed.cloned().collect();
                let lines = missed.iter().filter_map(|message| self.message(message));
                lines.collect()
            }
            "new-message" => self.message(data).into_iter().collect(),
            "chat-user-added" if data["addedBy"] == data["_id"] => {
                vec![format!("{} has added you", name_of(data))]
            }
            "user-signal" => vec![format!(
                "a signal from {}: {}",
                key(&data["userId"]),
                data["data"]
            )],
            "app-signal" => vec![format!("a signal from the application: {}", data["data"])],
            _ => Vec::new(),
        }
    }

    /// Takes a message of somebody else, once.
    fn message(&mut self, message: &Value) -> Option<String> {
        let from = &message["from"];
        let is_news = self.seen.insert(key(&message["_id"]));
        if from["_id"] == self.me || !is_news {
            return None;
        }
        let seq = message["seq"].as_i64().unwrap_or_default();
        let highest = self.highest.entry(key(&from["_id"])).or_default();
        *highest = seq.max(*highest);
        let client_id = message["clientId"].as_str().unwrap_or_default();
        let heard = Heard {
            from: from["_id"].clone(),
            name: name_of(from),
            text: message["message"].as_str().unwrap_or_default().to_owned(),
            by_peer: client_id.starts_with(MARK),
        };
        let line = format!("{}: {}", heard.name, heard.text);
        self.messages.push_back(heard);
        Some(line)
    }
}
