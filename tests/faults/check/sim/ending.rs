//! The end of a run: everybody reads everything, and the database is read.

use super::{Room, World};
use crate::history::{
    Close, Dump, DumpedCursors, DumpedMessage, DumpedRoom, DumpedUser, Event, History, Phase,
};

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
        // the remaining people may take their time
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
            rev: 0,
            cursors: [(*one, room.cursors[0]), (*other, room.cursors[1])]
                .into_iter()
                .map(|(member, delivered)| (id(member), cursors(room, member, delivered)))
                .collect(),
        });
        let messages = self.rooms.iter().flat_map(|(pair, room)| {
            let counts = counts(room, pair.0);
            room.messages
                .iter()
                .zip(counts)
                .map(move |(message, counts)| DumpedMessage {
                    id: message.id.clone(),
                    chat_room: room.id.clone(),
                    from: id(message.from),
                    to: id(message.to),
                    message: message.body.clone(),
                    seq: message.seq,
                    status: message.status.to_owned(),
                    counts,
                    client_id: message.client.clone(),
                    created_at: message.created,
                    sent_at: message.sent,
                    read_at: message.read,
                    rev: None,
                    redacted: false,
                })
        });
        Dump {
            chat_users: people.collect(),
            chat_rooms: rooms.collect(),
            messages: messages.collect(),
        }
    }
}

/// How many each of the two had sent by each message; `first` is the first member.
fn counts(room: &Room, first: usize) -> Vec<[u64; 2]> {
    let mut counts = [0, 0];
    let messages = room.messages.iter();
    let each = messages.map(|message| {
        counts[usize::from(message.from != first)] += 1;
        counts
    });
    each.collect()
}

/// The cursors of a member, as far as the statuses of the messages say.
fn cursors(room: &Room, member: usize, delivered: u64) -> DumpedCursors {
    let received = room.messages.iter().filter(|message| message.to == member);
    let last = |status: &[&str]| {
        let got = received
            .clone()
            .filter(|message| status.contains(&message.status));
        got.map(|message| message.seq).max().unwrap_or_default()
    };
    let read = last(&["read"]);
    let read_count = received
        .clone()
        .filter(|message| message.seq <= read)
        .count() as u64;
    DumpedCursors {
        delivered,
        sent: last(&["sent", "read"]),
        read,
        read_count,
    }
}
