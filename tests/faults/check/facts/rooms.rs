//! The dump: chat rooms with their messages, in order.

use std::collections::HashMap;

use super::{Facts, Msg, Sym};
use crate::check::{Invariant, Report};
use crate::history::{Dump, DumpedCursors, DumpedMessage, NOBODY, Status};

/// A chat room of the dump.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) id: Sym,
    pub(crate) users: [Sym; 2],
    /// How far each of them got, in the same order.
    pub(crate) cursors: [DumpedCursors; 2],
    /// What the database says is the last change, perhaps too high.
    pub(crate) rev: u64,
    /// What the database says is the last position, perhaps too low.
    pub(crate) last_seq: u64,
    /// Its messages among [`Facts::stored`], by position.
    pub(crate) messages: std::ops::Range<usize>,
}

impl Room {
    /// Whether a user is in it.
    pub(crate) fn has(&self, user: Sym) -> bool {
        self.users.contains(&user)
    }

    /// The place of a user among the two.
    pub(crate) fn place(&self, user: Sym) -> Option<usize> {
        self.users.iter().position(|one| *one == user)
    }

    /// The other user.
    pub(crate) fn other(&self, user: Sym) -> Sym {
        let [one, other] = self.users;
        if one == user { other } else { one }
    }
}

/// A message of the dump.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) msg: Msg,
    /// Whether its receiver, who had blocked its sender, never gets it.
    pub(crate) withheld: bool,
    /// Whether it says nothing.
    pub(crate) is_empty: bool,
    /// How many each of the two had sent by then that the other may see, as it is
    /// stored.
    pub(crate) counts: [u64; 2],
    /// The same, counted.
    pub(crate) recount: [u64; 2],
    /// Its chat room, among [`Facts::rooms`].
    pub(crate) room: usize,
}

impl Stored {
    /// Whether a user is ever shown it.
    pub(crate) fn is_for(&self, user: Sym) -> bool {
        !self.withheld || self.msg.from == user
    }
}

impl Facts<'_> {
    pub(super) fn gather_rooms(&mut self, dump: &Dump, report: &mut Report) {
        let mut users: HashMap<&str, Sym> = HashMap::new();
        for user in &dump.chat_users {
            let sym = self.names.sym(&user.user);
            users.insert(&user.id, sym);
            let online = user.status.as_deref() == Some("online");
            self.shown_online.insert(sym, online);
        }
        for room in &dump.chat_rooms {
            let members: Vec<Sym> = room
                .chat_users
                .iter()
                .filter_map(|user| users.get(user.as_str()).copied())
                .collect();
            let [one, other] = members[..] else {
                report.add(Invariant::I4, &[], || {
                    format!("chat room {} is not one of two chat users", room.id)
                });
                continue;
            };
            let id = self.names.sym(&room.id);
            let index = self.rooms.len();
            self.room_by_id.insert(id, index);
            let pair = (one.min(other), one.max(other));
            if self.room_of.insert(pair, index).is_some() {
                let (one, other) = (self.names.text(one), self.names.text(other));
                report.add(Invariant::I4, &[], || {
                    format!("there are two chat rooms of {one} and {other}")
                });
            }
            self.rooms.push(Room {
                id,
                users: [one, other],
                cursors: [0, 1].map(|place: usize| {
                    let cursors = room.cursors.get(&room.chat_users[place]);
                    cursors.copied().unwrap_or_default()
                }),
                rev: room.rev,
                last_seq: room.last_seq.unwrap_or(0),
                messages: 0..0,
            });
        }
        for message in &dump.messages {
            match self.stored(&users, message) {
                Some(stored) => self.stored.push(stored),
                None => report.add(Invariant::I4, &[], || {
                    format!(
                        "message {} has a chat room, a person or a status that is none",
                        message.id
                    )
                }),
            }
        }
        self.sort_messages();
    }

    fn stored(&mut self, users: &HashMap<&str, Sym>, message: &DumpedMessage) -> Option<Stored> {
        let room_id = self.names.find(&message.chat_room)?;
        let room = *self.room_by_id.get(&room_id)?;
        let from = *users.get(message.from.as_str())?;
        let withheld = message.to == NOBODY;
        let to = if withheld {
            self.rooms[room].other(from)
        } else {
            *users.get(message.to.as_str())?
        };
        let status = match message.status.as_str() {
            "not_sent" => Status::NotSent,
            "sent" => Status::Sent,
            "read" => Status::Read,
            _ => return None,
        };
        let names = &mut self.names;
        let id = names.sym(&message.id);
        let text = names.sym(&message.message);
        let said = self.texts.get(&id).filter(|_| message.redacted);
        let msg = Msg {
            id,
            room: room_id,
            from,
            to,
            body: said.copied().unwrap_or(text),
            client: message.client_id.as_ref().map(|client| names.sym(client)),
            seq: message.seq,
            status,
            created: message.created_at,
            sent: message.sent_at,
            read: message.read_at,
            rev: message.rev,
            redacted: message.redacted,
        };
        Some(Stored {
            msg,
            withheld,
            is_empty: message.message.is_empty(),
            counts: message.counts,
            recount: [0, 0],
            room,
        })
    }

    fn sort_messages(&mut self) {
        self.stored
            .sort_by_key(|stored| (stored.room, stored.msg.seq, stored.msg.id));
        let mut recount = [0, 0];
        for (index, stored) in self.stored.iter_mut().enumerate() {
            let room = &mut self.rooms[stored.room];
            if room.messages.start == room.messages.end {
                room.messages.start = index;
                recount = [0, 0];
            }
            room.messages.end = index + 1;
            if let (Some(place), false) = (room.place(stored.msg.from), stored.withheld) {
                recount[place] += 1;
            }
            stored.recount = recount;
            let msg = &stored.msg;
            self.stored_by_id.insert(msg.id, index);
            let key = (msg.from, msg.to, msg.body, msg.client);
            if let Some(send) = self.send_of.get(&key) {
                self.sends[*send].stored.get_or_insert(index);
            }
        }
    }

    /// Whether a message is stored and withheld from its receiver.
    pub(crate) fn is_withheld(&self, id: Sym) -> bool {
        let stored = self.stored_by_id.get(&id);
        stored.is_some_and(|stored| self.stored[*stored].withheld)
    }

    /// Whether nothing at these positions of a chat room is ever shown to a user.
    pub(crate) fn is_hidden(&self, room: usize, user: Sym, from: u64, to: u64) -> bool {
        let all = self.between(room, from, to);
        let is_whole = all.len() as u64 == (to + 1).saturating_sub(from);
        is_whole && all.iter().all(|stored| !stored.is_for(user))
    }

    /// How many messages a user sent in a chat room, up to and with a position, that
    /// the other may see.
    pub(crate) fn sent_up_to(&self, room: usize, user: Sym, seq: u64) -> u64 {
        let messages = self.messages(room);
        let count = messages.partition_point(|stored| stored.msg.seq <= seq);
        let last = count.checked_sub(1).and_then(|last| messages.get(last));
        let place = self.rooms[room].place(user);
        last.zip(place)
            .map_or(0, |(last, place)| last.recount[place])
    }

    /// The stored messages of a chat room, by position.
    pub(crate) fn messages(&self, room: usize) -> &[Stored] {
        &self.stored[self.rooms[room].messages.clone()]
    }

    /// The stored messages of a chat room at these positions.
    pub(crate) fn between(&self, room: usize, from: u64, to: u64) -> &[Stored] {
        let messages = self.messages(room);
        let first = messages.partition_point(|stored| stored.msg.seq < from);
        let end = messages.partition_point(|stored| stored.msg.seq <= to);
        messages.get(first..end).unwrap_or_default()
    }
}
