//! What of the log the application may hear of, one by one.

use std::fmt;

use bson::DateTime;

use super::{Entry, Event, Item, MessageRef};
use crate::config::EventType;
use crate::domain::Status;
use crate::id::ChatUserId;

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The entry.
    pub entry: i64,
    /// Which of its things, from 0 on.
    pub index: u32,
}

/// Something that the application may hear of.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Where in the log it stands.
    pub place: Place,
    /// When it happened.
    pub at: DateTime,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A message was stored.
    Message(MessageRef),
    /// Something else; of presence, of one person.
    Item(Item),
}

/// What is heard of in order among itself: a chat room, or a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject([u8; 12]);

impl Subject {
    /// Which of `of` parts of about the same size it belongs to, from 0 on.
    pub fn part(self, of: u16) -> u16 {
        // the last bytes of an ObjectId are its counter: neighbours spread evenly
        let [.., a, b] = self.0;
        u16::from_be_bytes([a, b]) % of.max(1)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Occurrence {
    /// Whether it may be an event of a type: of presence it is known only when it is read.
    pub fn may_be(&self, wanted: EventType) -> bool {
        self.what.may_be(wanted)
    }

    /// What it is about; what is about the same is heard of in this order.
    pub fn subject(&self) -> Subject {
        let person = |who: ChatUserId| who.bytes();
        Subject(match &self.what {
            What::Message(message) => message.room.bytes(),
            What::Item(item) => match &item.event {
                Event::Advanced { room, .. }
                | Event::ContactAdded { room, .. }
                | Event::Changed { room, .. }
                | Event::NotificationDue { room, .. }
                | Event::NotificationWithdrawn { room, .. } => room.bytes(),
                Event::Blocked { by, .. }
                | Event::Unblocked { by, .. }
                | Event::PrivacySet { by }
                | Event::Erased { who: by, .. } => person(*by),
                Event::Presence { people, .. } => people.first().copied().map_or([0; 12], person),
                Event::Ended { .. } => [0; 12],
            },
        })
    }

    /// Its id, the same however often it is read. It has no dot in it.
    pub fn id(&self) -> String {
        match &self.what {
            What::Message(message) => format!("message-created-{}", message.id.to_hex()),
            What::Item(Item { number, event }) => match event {
                Event::Advanced {
                    room,
                    reader,
                    newest,
                    ..
                } => format!(
                    "message-read-{}-{}-{newest}",
                    room.to_hex(),
                    reader.to_hex()
                ),
                Event::Changed {
                    room, first, last, ..
                } => {
                    format!("message-redacted-{}-{first}-{last}", room.to_hex())
                }
                Event::ContactAdded { room, .. } => format!("contact-added-{}", room.to_hex()),
                Event::Blocked { by, .. } => format!("user-blocked-{}-{number}", by.to_hex()),
                Event::Unblocked { by, .. } => format!("user-unblocked-{}-{number}", by.to_hex()),
                Event::Presence { .. } => format!("presence-{}-{number}", self.subject()),
                Event::NotificationDue { room, user, up_to } => {
                    let (room, user) = (room.to_hex(), user.to_hex());
                    format!("notification-due-{room}-{user}-{up_to}")
                }
                Event::NotificationWithdrawn { room, user, up_to } => {
                    let (room, user) = (room.to_hex(), user.to_hex());
                    format!("notification-withdrawn-{room}-{user}-{up_to}")
                }
                Event::PrivacySet { by } => format!("privacy-{}-{number}", by.to_hex()),
                Event::Erased { who, .. } => format!("user-erased-{}", who.to_hex()),
                Event::Ended { .. } => format!("ended-{number}"),
            },
        }
    }
}

impl What {
    fn may_be(&self, wanted: EventType) -> bool {
        match wanted {
            EventType::MessageCreated => matches!(self, Self::Message(_)),
            EventType::MessageRead => matches!(
                self.event(),
                Some(Event::Advanced {
                    status: Status::Read,
                    ..
                })
            ),
            EventType::MessageRedacted => matches!(self.event(), Some(Event::Changed { .. })),
            EventType::ContactAdded => matches!(self.event(), Some(Event::ContactAdded { .. })),
            EventType::UserBlocked => matches!(self.event(), Some(Event::Blocked { .. })),
            EventType::UserUnblocked => matches!(self.event(), Some(Event::Unblocked { .. })),
            EventType::UserErased => {
                matches!(self.event(), Some(Event::Erased { is_done: true, .. }))
            }
            EventType::NotificationDue => {
                matches!(self.event(), Some(Event::NotificationDue { .. }))
            }
            EventType::NotificationWithdrawn => {
                matches!(self.event(), Some(Event::NotificationWithdrawn { .. }))
            }
            EventType::UserOnline | EventType::UserOffline => {
                matches!(self.event(), Some(Event::Presence { .. }))
            }
        }
    }

    fn event(&self) -> Option<&Event> {
        match self {
            Self::Message(_) => None,
            Self::Item(item) => Some(&item.event),
        }
    }
}

impl Entry {
    /// What of it the application may hear of, in order: contacts before what they say, and
    /// that before its receipts. A place is the same in every version, whatever that leaves
    /// out.
    pub fn occurrences(&self) -> Vec<Occurrence> {
        let is_contact = |item: &&Item| matches!(item.event, Event::ContactAdded { .. });
        let first = self.items.iter().filter(is_contact);
        let messages = self.messages.iter();
        let messages = messages.map(|one| (one.created_at, What::Message(*one)));
        let others = self.items.iter().filter(|item| !is_contact(item));
        let all = first.flat_map(|item| self.each_of(item));
        let all = all.chain(messages);
        let all = all.chain(others.flat_map(|item| self.each_of(item)));
        let is_heard = |what: &What| EventType::ALL.iter().any(|one| what.may_be(*one));
        let all = (0..).zip(all).filter(|(_, (_, what))| is_heard(what));
        all.map(|(index, (at, what))| Occurrence {
            place: Place {
                entry: self.id,
                index,
            },
            at,
            what,
        })
        .collect()
    }

    /// An item, of presence one for each person, and when it happened.
    fn each_of(&self, item: &Item) -> Vec<(DateTime, What)> {
        match &item.event {
            Event::Presence {
                people,
                left_behind,
            } => {
                let of = |who: &ChatUserId| Event::Presence {
                    people: vec![*who],
                    left_behind: *left_behind,
                };
                let number = item.number;
                let events = people.iter().map(of);
                let items = events.map(|event| (self.at, What::Item(Item { number, event })));
                items.collect()
            }
            Event::Advanced { at, .. } => vec![(*at, What::Item(item.clone()))],
            _ => vec![(self.at, What::Item(item.clone()))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Counts;
    use crate::id::{ChatRoomId, MessageId};

    #[test]
    fn places_count_what_is_left_out_and_ids_have_no_dots_and_differ() {
        let [a, b] = [(); 2].map(|()| ChatUserId::generate());
        let room = ChatRoomId::generate();
        let advanced = |status| Event::Advanced {
            room,
            reader: a,
            sender: b,
            status,
            newest: 9,
            oldest: None,
            at: DateTime::from_millis(8),
        };
        let events = [
            Event::PrivacySet { by: a },
            advanced(Status::Sent),
            advanced(Status::Read),
            Event::Presence {
                people: vec![a, b],
                left_behind: false,
            },
            Event::ContactAdded {
                room,
                members: [a, b],
            },
            Event::Blocked { by: a, who: b },
            Event::Unblocked { by: a, who: b },
        ];
        let message = MessageRef {
            room,
            id: MessageId::generate(),
            from: a,
            to: b,
            seq: 1,
            created_at: DateTime::from_millis(3),
            counts: Counts::new(1, 0),
        };
        let items = (1..).zip(events);
        let entry = Entry {
            id: 7,
            at: DateTime::from_millis(5),
            boot: "one#2".to_owned(),
            messages: vec![message],
            items: items
                .map(|(number, event)| Item { number, event })
                .collect(),
            is_damaged: false,
        };
        let found = entry.occurrences();
        let places: Vec<u32> = found.iter().map(|one| one.place.index).collect();
        assert_eq!(places, [0, 1, 4, 5, 6, 7, 8]);
        let times = found.iter().map(|one| one.at.timestamp_millis());
        assert_eq!(times.collect::<Vec<_>>(), [5, 3, 8, 5, 5, 5, 5]);
        let mut ids: Vec<String> = found.iter().map(Occurrence::id).collect();
        assert!(ids.iter().all(|id| !id.contains('.')), "{ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), found.len());
        let in_room = found
            .iter()
            .filter(|one| one.subject() == Subject(room.bytes()));
        assert_eq!(in_room.count(), 3);
    }
}
