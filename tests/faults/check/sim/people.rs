//! Logging in, presence, contacts.

use serde_json::{Map, Value, json};

use super::{Conn, RUN, Room, World, date};
use crate::history::{Close, Event};

impl World {
    /// Opens a connection and logs in.
    pub(crate) fn enter(&mut self, person: usize) -> u64 {
        let c = self.open(person);
        self.login(c);
        c
    }

    fn login(&mut self, c: u64) {
        let person = self.conns[&c].person;
        let id = self.people[person].id.clone();
        let op = self.invoke(c, "connect-user", &json!({"userId": id}), None);
        let missed = self.take_missed(person);
        let contacts: Vec<Value> = self
            .contacts(person)
            .into_iter()
            .map(|other| self.contact(person, other))
            .collect();
        let details = json!({
            "user": {"_id": id}, "status": "online", "lastOnline": null,
            "connectedUsers": contacts, "missedMessages": missed,
        });
        self.people[person].conns.push(c);
        self.tell(c, "user-details", &details);
        let connected = json!({
            "userId": id, "status": "online", "serverTime": date(self.now()), "protocol": 3,
        });
        self.answer(c, op, &connected);
        if !std::mem::replace(&mut self.people[person].shown, true) {
            self.announce(person, "online");
        }
    }

    fn announce(&mut self, person: usize, status: &str) {
        let data = json!({
            "user": {"_id": self.people[person].id, "firstName": "X"},
            "status": status, "lastOnline": null,
        });
        for other in self.contacts(person) {
            self.tell_all(other, None, "chat-user-status-changed", &data);
        }
    }

    /// What a person missed, by sender; it counts as sent.
    fn take_missed(&mut self, person: usize) -> Value {
        let mut missed = Map::new();
        for other in self.contacts(person) {
            let pair = (person.min(other), person.max(other));
            let cursor = self.rooms[&pair].cursors[usize::from(pair.1 == person)];
            self.mark_sent(person, other);
            let shown: Vec<Value> = self.rooms[&pair]
                .messages
                .iter()
                .filter(|message| message.to == person && message.seq > cursor)
                .map(|message| self.message(pair, message))
                .collect();
            if !shown.is_empty() {
                missed.insert(self.people[other].id.clone(), shown.into());
            }
        }
        missed.into()
    }

    /// The people with whom somebody has a chat room.
    pub(super) fn contacts(&self, person: usize) -> Vec<usize> {
        let pairs = self.rooms.keys();
        pairs
            .filter(|(one, other)| *one == person || *other == person)
            .map(|(one, other)| one + other - person)
            .collect()
    }

    fn contact(&self, person: usize, other: usize) -> Value {
        let pair = (person.min(other), person.max(other));
        let room = &self.rooms[&pair];
        let unread = room
            .messages
            .iter()
            .filter(|m| m.to == person && m.status != "read");
        let mut contact = json!({
            "_id": self.people[other].id, "chatRoomId": room.id,
            "status": if self.people[other].shown { "online" } else { "offline" },
            "lastOnline": null, "unreadCount": unread.count(),
            "addedBy": self.people[pair.0].id, "addedAt": date(super::EPOCH),
        });
        if let Some(last) = room.messages.last() {
            let mut message = self.message(pair, last);
            message["from"] = json!(self.people[last.from].id);
            message["to"] = json!(self.people[last.to].id);
            contact["lastMessage"] = message;
        }
        contact
    }

    /// Opens the chat room with somebody.
    pub(crate) fn befriend(&mut self, c: u64, other: usize) {
        let person = self.conns[&c].person;
        let id = self.people[other].id.clone();
        let op = self.invoke(c, "add-chat-user", &json!({"userToAdd": id}), None);
        let pair = (person.min(other), person.max(other));
        let new = !self.rooms.contains_key(&pair);
        if new {
            let room = Room {
                id: format!("6b00{:020x}", self.number()),
                messages: Vec::new(),
                cursors: [0, 0],
            };
            self.rooms.insert(pair, room);
            let added = self.contact(other, person);
            self.tell_all(other, None, "chat-user-added", &added);
        }
        let contact = self.contact(person, other);
        self.answer(c, op, &contact);
    }

    /// Ends a connection.
    pub(crate) fn close(&mut self, c: u64, how: Close) {
        let Some(conn) = self.conns.get_mut(&c).filter(|conn| conn.hears) else {
            return;
        };
        let person = conn.person;
        conn.hears = false;
        let due = match how {
            Close::Silent => {
                let due = self.t + RUN.silent_ms * 1_000;
                conn.ends = Some(due);
                due
            }
            Close::Clean => self.t,
            Close::Cut | Close::Lost => self.t + RUN.grace_ms * 1_000,
        };
        if how != Close::Silent {
            self.conns.remove(&c);
            self.people[person].conns.retain(|one| *one != c);
        }
        self.leaving.push((due, person));
        self.write(Event::Close { c, how });
    }

    /// A server is killed and comes back after a while: all connections are lost
    /// and nobody is online.
    pub(crate) fn crash(&mut self, ms: u64) {
        let fault = self.fault("kill-server");
        let open: Vec<u64> = self.conns.keys().copied().collect();
        for person in &mut self.people {
            person.conns.clear();
            person.shown = false;
        }
        self.leaving.clear();
        for c in open {
            let conn = self.conns.remove(&c);
            if conn.is_some_and(|conn| conn.hears) {
                let how = Close::Lost;
                self.write(Event::Close { c, how });
            }
        }
        self.wait(ms);
        self.heal(fault);
    }

    /// Announces those whose time has come.
    pub(super) fn settle(&mut self) {
        let now = self.t;
        let ended = |conn: &Conn| conn.ends.is_some_and(|ends| ends <= now);
        let silent: Vec<u64> = self
            .conns
            .iter()
            .filter(|(_, conn)| ended(conn))
            .map(|(c, _)| *c)
            .collect();
        for c in silent {
            if let Some(conn) = self.conns.remove(&c) {
                self.people[conn.person].conns.retain(|one| *one != c);
            }
        }
        let due = self.leaving.extract_if(.., |(due, _)| *due <= now);
        let due: Vec<usize> = due.map(|(_, person)| person).collect();
        for person in due {
            let one = &mut self.people[person];
            if one.shown && one.conns.is_empty() {
                one.shown = false;
                self.announce(person, "offline");
            }
        }
    }
}
