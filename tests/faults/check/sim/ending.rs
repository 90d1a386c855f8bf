//! The end of a run: everybody reads everything, and the database is read.

use super::World;
use crate::history::{Close, Dump, DumpedMessage, DumpedRoom, DumpedUser, Event, History, Phase};

impl World {
    /// Ends the run as the harness does, and reads the database.
    pub(crate) fn finish(mut self) -> (History, Dump) {
        self.write(Event::Phase(Phase::Quiet));
        let open: Vec<u64> = self.conns.keys().copied().collect();
        for c in open {
            self.close(c, Close::Clean);
        }
        self.wait(20_000);
        self.sample("after");
        self.write(Event::Phase(Phase::Final));
        let conns: Vec<u64> = (0..self.people.len()).map(|one| self.enter(one)).collect();
        for (person, c) in conns.into_iter().enumerate() {
            for other in self.contacts(person) {
                self.walk(c, other, self.page);
            }
        }
        self.wait(2_000);
        self.write(Event::Phase(Phase::End));
        let dump = self.dump();
        // whoever is left may take his time
        let open: Vec<u64> = self.conns.keys().copied().collect();
        for c in open {
            self.wait(20_000);
            self.close(c, Close::Clean);
        }
        (History { lines: self.lines }, dump)
    }

    fn dump(&self) -> Dump {
        let people = self.people.iter().map(|person| DumpedUser {
            id: person.chat_id.clone(),
            user: person.id.clone(),
            status: Some(if person.shown { "online" } else { "offline" }.to_owned()),
            last_online: None,
        });
        let id = |person: usize| self.people[person].chat_id.clone();
        let rooms = self.rooms.iter().map(|((one, other), room)| DumpedRoom {
            id: room.id.clone(),
            chat_users: vec![id(*one), id(*other)],
            last_seq: Some(room.messages.len() as u64),
            cursors: [(id(*one), room.cursors[0]), (id(*other), room.cursors[1])].into(),
        });
        let messages = self.rooms.values().flat_map(|room| {
            room.messages.iter().map(move |message| DumpedMessage {
                id: message.id.clone(),
                chat_room: room.id.clone(),
                from: id(message.from),
                to: id(message.to),
                message: message.body.clone(),
                seq: message.seq,
                status: message.status.to_owned(),
                unread: message.status != "read",
                client_id: message.client.clone(),
                created_at: message.created,
                sent_at: message.sent,
                read_at: message.read,
            })
        });
        Dump {
            chat_users: people.collect(),
            chat_rooms: rooms.collect(),
            messages: messages.collect(),
        }
    }
}
