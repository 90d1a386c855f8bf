//! Messages, receipts, history.

use serde_json::{Value, json};

use super::{Message, World, date};
use crate::history::Close;

/// A message to be sent, perhaps several times.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(super) from: usize,
    to: usize,
    body: String,
    client: Option<String>,
}

/// How a try is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// With the stored message.
    Ok,
    /// With a failure: nothing is stored.
    Failed,
    /// With `unknown-outcome`, having stored it or not.
    Unknown(bool),
    /// Not at all: the connection is lost, having stored it or not.
    Lost(bool),
}

impl World {
    /// A new message with a `clientId`.
    pub(crate) fn draft(&mut self, from: usize, to: usize) -> Draft {
        let number = self.number();
        let (one, other) = (&self.people[from].id, &self.people[to].id);
        Draft {
            from,
            to,
            body: format!("{one} > {other} # {number}"),
            client: Some(format!("c-{number}")),
        }
    }

    /// A new message without a `clientId`.
    pub(crate) fn plain(&mut self, from: usize, to: usize) -> Draft {
        Draft {
            client: None,
            ..self.draft(from, to)
        }
    }

    /// Sends a new message, which is stored.
    pub(crate) fn send(&mut self, c: u64, to: usize) -> Draft {
        let draft = self.draft(self.conns[&c].person, to);
        self.submit(c, &draft, Reply::Ok);
        draft
    }

    /// One try of a message.
    pub(crate) fn submit(&mut self, c: u64, draft: &Draft, reply: Reply) {
        let mut payload = json!({"userId": self.people[draft.to].id, "message": draft.body});
        if let Some(client) = &draft.client {
            payload["clientId"] = json!(client);
        }
        let op = self.invoke(c, "send-message", &payload, None);
        let stores = matches!(reply, Reply::Ok | Reply::Unknown(true) | Reply::Lost(true));
        let pair = (draft.from.min(draft.to), draft.from.max(draft.to));
        let messages = &self.rooms[&pair].messages;
        let same = |m: &&Message| m.from == draft.from && m.client == draft.client;
        let known = messages
            .iter()
            .rev()
            .find(|m| same(m) && m.client.is_some())
            .cloned();
        let ok = reply == Reply::Ok;
        if let Some(known) = known {
            if ok {
                let mut answer = self.message(pair, &known);
                answer["duplicate"] = json!(true);
                self.answer(c, op, &answer);
            }
        } else if stores {
            let message = self.store(pair, draft);
            let json = self.message(pair, &message);
            self.tell_all(draft.from, None, "new-message", &json);
            if ok {
                self.answer(c, op, &json);
            }
            self.tell_all(draft.to, None, "new-message", &json);
        }
        match reply {
            Reply::Ok => {}
            Reply::Failed => self.refuse(c, op, "unavailable"),
            Reply::Unknown(_) => self.refuse(c, op, "unknown-outcome"),
            Reply::Lost(_) => self.close(c, Close::Lost),
        }
    }

    fn store(&mut self, pair: (usize, usize), draft: &Draft) -> Message {
        let now = self.now();
        let here = !self.people[draft.to].conns.is_empty();
        let id = format!("6bff{:020x}", self.number());
        let messages = &mut self.rooms.get_mut(&pair).unwrap().messages;
        let message = Message {
            id,
            from: draft.from,
            to: draft.to,
            body: draft.body.clone(),
            client: draft.client.clone(),
            seq: messages.len() as u64 + 1,
            status: if here { "sent" } else { "not_sent" },
            created: now,
            sent: here.then_some(now),
            read: None,
        };
        messages.push(message.clone());
        message
    }

    pub(super) fn message(&self, pair: (usize, usize), message: &Message) -> Value {
        let person = |one: usize| json!({"_id": self.people[one].id, "firstName": "X"});
        let mut json = json!({
            "_id": message.id, "createdAt": date(message.created),
            "from": person(message.from), "to": person(message.to),
            "message": message.body, "status": message.status,
            "chatRoomId": self.rooms[&pair].id, "seq": message.seq,
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                json[name] = value;
            }
        };
        set(
            "clientId",
            message.client.as_ref().map(|client| json!(client)),
        );
        set("sentAt", message.sent.map(|at| json!(date(at))));
        set("readAt", message.read.map(|at| json!(date(at))));
        json
    }

    /// Moves a person's cursor of a kind up to a position, and announces what got
    /// further from `from` on; how many messages did.
    fn advance(&mut self, person: usize, other: usize, from: u64, to: u64, read: bool) -> u64 {
        let now = self.now();
        let pair = (person.min(other), person.max(other));
        let messages = &mut self.rooms.get_mut(&pair).unwrap().messages;
        let is_due = |m: &&mut Message| {
            let open = if read {
                m.status != "read"
            } else {
                m.status == "not_sent"
            };
            open && m.to == person && m.seq <= to
        };
        let mut moved: Vec<u64> = Vec::new();
        for message in messages.iter_mut().filter(is_due) {
            message.status = if read { "read" } else { "sent" };
            if read {
                message.read = Some(now);
            }
            moved.push(message.seq);
        }
        moved.retain(|seq| *seq >= from);
        let (Some(first), Some(last)) = (moved.first(), moved.last()) else {
            return 0;
        };
        let newest = messages[usize::try_from(*last).unwrap() - 1].clone();
        let mut json = self.message(pair, &newest);
        if !read {
            // announced once, and not stored with the message
            json["sentAt"] = json!(date(now));
        }
        if moved.len() > 1 {
            json["range"] = json!({"from": first, "to": last});
        }
        self.tell_all(other, None, "message-status-changed", &json);
        if read {
            // the harness receives it on all; the requesting one gets its answer only
            let asking = self.people[person].conns.last().copied();
            self.tell_all(person, asking, "message-status-changed", &json);
        }
        moved.len() as u64
    }

    /// Sends a person everything with another, in full or as a count.
    pub(super) fn mark_sent(&mut self, person: usize, other: usize) {
        self.advance(person, other, 1, u64::MAX, false);
    }

    fn confirm(&mut self, person: usize, other: usize, to: u64) {
        let pair = (person.min(other), person.max(other));
        let room = self.rooms.get_mut(&pair).unwrap();
        let cursor = &mut room.cursors[usize::from(pair.1 == person)];
        *cursor = to.min(room.messages.len() as u64).max(*cursor);
    }

    /// The last position of the chat room with somebody.
    pub(crate) fn last(&self, c: u64, other: usize) -> u64 {
        let person = self.conns[&c].person;
        let pair = (person.min(other), person.max(other));
        self.rooms[&pair].messages.len() as u64
    }

    /// `message-read` up to a position.
    pub(crate) fn read(&mut self, c: u64, other: usize, to: u64) {
        let person = self.conns[&c].person;
        let to = to.max(1);
        let payload = json!({"userId": self.people[other].id, "upTo": to});
        let op = self.invoke(c, "message-read", &payload, None);
        let read = self.advance(person, other, 1, to, true);
        self.confirm(person, other, to);
        self.answer(c, op, &json!({"read": read}));
    }

    /// `message-read` of the newest message from somebody up to a position, if there is
    /// one: everything before it is read, and it alone is confirmed.
    pub(crate) fn read_one(&mut self, c: u64, other: usize, to: u64) {
        let person = self.conns[&c].person;
        let pair = (person.min(other), person.max(other));
        let messages = self.rooms[&pair].messages.iter();
        let received = messages.filter(|m| m.to == person && m.seq <= to);
        let received: Vec<(u64, String)> = received.map(|m| (m.seq, m.id.clone())).collect();
        let Some((seq, id)) = received.last() else {
            return;
        };
        let op = self.invoke(c, "message-read", &json!({"messageId": id}), None);
        self.advance(person, other, 1, *seq, true);
        let cursor = self.rooms[&pair].cursors[usize::from(pair.1 == person)];
        let before = received
            .len()
            .checked_sub(2)
            .map_or(0, |one| received[one].0);
        if before <= cursor {
            self.confirm(person, other, *seq);
        }
        let messages = &self.rooms[&pair].messages;
        let message = &messages[usize::try_from(*seq).unwrap() - 1];
        let answer = self.message(pair, message);
        self.answer(c, op, &answer);
    }

    /// `message-delivered` up to a position.
    pub(crate) fn delivered(&mut self, c: u64, other: usize, to: u64) {
        let person = self.conns[&c].person;
        let to = to.max(1);
        let payload = json!({"userId": self.people[other].id, "upTo": to});
        let op = self.invoke(c, "message-delivered", &payload, None);
        let delivered = self.advance(person, other, 1, to, false);
        self.confirm(person, other, to);
        self.answer(c, op, &json!({"delivered": delivered}));
    }

    /// One page before a position; what it showed first.
    pub(crate) fn page(
        &mut self,
        c: u64,
        other: usize,
        before: Option<u64>,
        limit: u64,
        walk: Option<u64>,
    ) -> u64 {
        let person = self.conns[&c].person;
        let mut payload = json!({"userId": self.people[other].id, "limit": limit});
        if let Some(before) = before {
            payload["before"] = json!(before);
        }
        let op = self.invoke(c, "get-old-messages", &payload, walk);
        let pair = (person.min(other), person.max(other));
        let end = before.map_or(self.last(c, other), |before| before - 1);
        let first = end.saturating_sub(limit) + 1;
        self.advance(person, other, first, end, false);
        let messages = &self.rooms[&pair].messages;
        let shown = messages.iter().filter(|m| m.seq >= first && m.seq <= end);
        let shown: Vec<Value> = shown.map(|m| self.message(pair, m)).collect();
        self.answer(c, op, &json!({"messages": shown, "hasMore": first > 1}));
        first
    }

    /// One page after a position.
    pub(crate) fn page_after(&mut self, c: u64, other: usize, after: u64, limit: u64) {
        let person = self.conns[&c].person;
        let payload = json!({"userId": self.people[other].id, "limit": limit, "after": after});
        let op = self.invoke(c, "get-old-messages", &payload, None);
        let pair = (person.min(other), person.max(other));
        let end = (after + limit).min(self.last(c, other));
        self.advance(person, other, after + 1, end, false);
        let messages = &self.rooms[&pair].messages;
        let shown = messages.iter().filter(|m| m.seq > after && m.seq <= end);
        let shown: Vec<Value> = shown.map(|m| self.message(pair, m)).collect();
        let more = end < self.last(c, other);
        self.answer(c, op, &json!({"messages": shown, "hasMore": more}));
    }

    /// Goes back through the whole history with another person.
    pub(crate) fn walk(&mut self, c: u64, other: usize, limit: u64) {
        let walk = Some(self.number());
        let mut before = None;
        loop {
            let first = self.page(c, other, before, limit, walk);
            if first <= 1 {
                return;
            }
            before = Some(first);
        }
    }
}
