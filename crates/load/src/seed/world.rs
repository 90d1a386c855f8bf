//! Who knows whom, and which messages there are: the same for every server.

use clap::Args;

/// People, their contacts and their messages.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct World {
    /// People who log in, read, come and go
    #[arg(long, default_value_t = 0)]
    pub(crate) people: u32,
    /// Contacts of each, the same for all
    #[arg(long, default_value_t = 0)]
    pub(crate) contacts: u32,
    /// Messages in each chat room
    #[arg(long, default_value_t = 0)]
    pub(crate) per_room: u32,
    /// The newest of them that each person missed, over all chat rooms
    #[arg(long, default_value_t = 0)]
    pub(crate) missed: u32,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64)]
    pub(crate) text_bytes: usize,
}

/// One chat room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// The person's number.
    pub(crate) person: u32,
    /// The contact's number.
    pub(crate) contact: u32,
    /// Messages in it.
    pub(crate) messages: u32,
    /// The newest of them, from the contact, that the person missed.
    pub(crate) missed: u32,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// 1, 2, 3 … in its chat room.
    pub(crate) seq: u32,
    /// Whether the contact wrote it.
    pub(crate) by_contact: bool,
    /// Whether the person missed it.
    pub(crate) is_missed: bool,
}

impl World {
    /// All chat rooms.
    pub(crate) fn rooms(self) -> impl Iterator<Item = Room> {
        let Self {
            people,
            contacts,
            per_room,
            missed,
            ..
        } = self;
        let pairs = (0..people).flat_map(move |person| (0..contacts).map(move |c| (person, c)));
        pairs.map(move |(person, c)| {
            // the first chat rooms take one more where it does not divide
            let share = missed / contacts + u32::from(c < missed % contacts);
            Room {
                number: person * contacts + c,
                person,
                contact: people + c,
                messages: per_room,
                missed: share.min(per_room),
            }
        })
    }
}

impl Room {
    /// All its messages, oldest first: in turn, then the missed ones.
    pub(crate) fn said(self) -> impl Iterator<Item = Said> {
        let read = self.messages - self.missed;
        (1..=self.messages).map(move |seq| Said {
            seq,
            by_contact: seq > read || seq % 2 == 0,
            is_missed: seq > read,
        })
    }

    /// How many of the first messages the person and the contact wrote.
    pub(crate) fn counts(self, seq: u32) -> (u32, u32) {
        let read = self.messages - self.missed;
        let by_contact = seq.min(read) / 2 + seq.saturating_sub(read);
        (seq - by_contact, by_contact)
    }

    /// A number for the message `seq`, unique in the world.
    pub(crate) fn message_number(self, seq: u32) -> u64 {
        u64::from(self.number) * u64::from(self.messages) + u64::from(seq) - 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_person_has_every_contact_and_misses_what_was_asked() {
        let world = World {
            people: 3,
            contacts: 4,
            per_room: 5,
            missed: 6,
            text_bytes: 0,
        };
        let rooms: Vec<_> = world.rooms().collect();
        assert_eq!(rooms.len(), 12);
        let mut messages = BTreeSet::new();
        for person in 0..3 {
            let own = rooms.iter().filter(|room| room.person == person);
            let missed: u32 = own.map(|room| room.missed).sum();
            assert_eq!(missed, 6);
        }
        for room in &rooms {
            assert!((3..7).contains(&room.contact));
            let said: Vec<_> = room.said().collect();
            assert_eq!(
                said.iter().filter(|said| said.is_missed).count(),
                room.missed as usize
            );
            assert!(said.iter().all(|said| !said.is_missed || said.by_contact));
            for (said, before) in said.iter().zip(0..) {
                let (person, contact) = room.counts(before);
                let by_contact = u32::from(said.by_contact);
                let counts = (person + 1 - by_contact, contact + by_contact);
                assert_eq!(room.counts(said.seq), counts);
            }
            messages.extend(said.iter().map(|said| room.message_number(said.seq)));
        }
        assert_eq!(messages.len(), 60);
    }
}
