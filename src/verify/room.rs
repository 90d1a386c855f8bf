//! The messages of one chat room, one after the other.

use super::suspect::{Suspect, Tail};
use super::{Check, Finding};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::messages::Scanned;
use crate::store::{Status, shown};

/// What is remembered of a room while its messages go by.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) room: ChatRoomId,
    pub(super) members: Option<[ChatUserId; 2]>,
    pub(super) tail: Tail,
    /// Messages to each member that are not read.
    pub(super) not_read: [u64; 2],
    /// The last message with a number, for telling.
    last_id: String,
}

impl Walk {
    pub(super) fn new(room: ChatRoomId, members: Option<[ChatUserId; 2]>) -> Self {
        Self {
            room,
            members,
            tail: Tail::default(),
            not_read: [0, 0],
            last_id: String::new(),
        }
    }

    /// Takes the next message in the order of `seq`; pushes what looks wrong.
    pub(super) fn step(&mut self, message: &Scanned, suspects: &mut Vec<Suspect>) {
        let id = shown(&message.id);
        let mut sure = |check, detail: String| {
            let finding = Finding::new(check, detail).of("chatRoom", self.room);
            suspects.push(Suspect::Sure(finding.of("message", &id)));
        };
        for (field, is_there) in [
            ("from", message.from.is_some()),
            ("to", message.to.is_some()),
            ("createdAt", message.created_at.is_some()),
            ("status", message.status.is_some()),
        ] {
            if !is_there {
                sure(
                    Check::Malformed,
                    format!("`{field}` is missing or no {field}"),
                );
            }
        }
        if let (Some(members), Some(from), Some(to)) = (self.members, message.from, message.to) {
            let [a, b] = members;
            let withheld = to == ChatUserId::NOBODY && members.contains(&from);
            if (from, to) != (a, b) && (from, to) != (b, a) && !withheld {
                let detail = "sender and receiver are not the two members of the chat room";
                sure(Check::Stranger, detail.to_owned());
            }
        }
        match message.seq {
            None => sure(
                Check::SeqInvalid,
                "`seq` is missing or no integer".to_owned(),
            ),
            Some(seq) if seq < 1 => sure(Check::SeqInvalid, format!("`seq` is {seq}")),
            Some(seq) if seq == self.tail.seq => {
                sure(
                    Check::SeqDuplicate,
                    format!("`seq` {seq} is also that of message {}", self.last_id),
                );
            }
            Some(_) => {}
        }
        let numbered = message.seq.filter(|seq| *seq >= 1);
        if numbered.is_some()
            && let (Some(before), Some(at)) = (self.tail.at, message.created_at)
            && at < before
        {
            let detail = format!(
                "`createdAt` is earlier than that of message {}",
                self.last_id
            );
            sure(Check::CreatedAt, detail);
        }
        if let Some(seq) = numbered {
            self.number(seq, suspects);
            self.tail.at = message.created_at.or(self.tail.at);
            self.last_id.clone_from(&id);
        }
        self.tail.latest = self.tail.latest.max(message.created_at);
        self.status(message, suspects);
    }

    fn number(&mut self, seq: Seq, suspects: &mut Vec<Suspect>) {
        let next = self.tail.seq.saturating_add(1);
        if seq > next {
            suspects.push(Suspect::Gap {
                room: self.room,
                first: next,
                last: seq - 1,
            });
        }
        self.tail.seq = seq;
    }

    fn status(&mut self, message: &Scanned, suspects: &mut Vec<Suspect>) {
        if contradiction(message).is_some() {
            suspects.push(Suspect::Message {
                id: message.id.clone(),
                room: self.room,
            });
        }
        let Some([a, b]) = self.members else { return };
        if message.status == Some(Status::Read) || message.seq.is_none() {
            return;
        }
        let [to_a, to_b] = &mut self.not_read;
        match message.to {
            Some(to) if to == a => *to_a += 1,
            Some(to) if to == b => *to_b += 1,
            _ => {}
        }
    }
}

/// What about a message's status does not fit, if anything.
pub(super) fn contradiction(message: &Scanned) -> Option<&'static str> {
    let status = message.status?;
    if message.read && status != Status::Read {
        return Some("`readAt` is set, but the status is not read");
    }
    if message.sent && status == Status::NotSent {
        return Some("`sentAt` is set, but the status is not_sent");
    }
    if status == Status::Read && message.unread {
        return Some("it is read, but still `unread`");
    }
    if status != Status::Read && !message.unread {
        return Some("it is not read, but `unread` is not set");
    }
    None
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime};

    use super::*;

    fn message(seq: Seq) -> Scanned {
        Scanned {
            id: Bson::Int64(seq),
            room: None,
            seq: Some(seq),
            from: None,
            to: None,
            created_at: Some(DateTime::from_millis(seq)),
            status: Some(Status::Sent),
            unread: true,
            sent: true,
            read: false,
        }
    }

    #[test]
    fn every_pair_of_status_and_marks_that_the_server_writes_fits() {
        for (status, unread, sent, read) in [
            (Status::NotSent, true, false, false),
            (Status::Sent, true, true, false),
            (Status::Read, false, true, true),
        ] {
            let message = Scanned {
                status: Some(status),
                unread,
                sent,
                read,
                ..message(1)
            };
            assert_eq!(contradiction(&message), None, "{status:?}");
            assert_eq!(message.furthest(), Some(status));
        }
    }

    #[test]
    fn a_room_that_begins_late_and_jumps_has_two_gaps() {
        let mut walk = Walk::new(ChatRoomId::generate(), None);
        let mut suspects = Vec::new();
        for seq in [3, 4, 7] {
            walk.step(&message(seq), &mut suspects);
        }
        let gaps = suspects.iter().filter_map(|suspect| match suspect {
            Suspect::Gap { first, last, .. } => Some((*first, *last)),
            _ => None,
        });
        assert_eq!(gaps.collect::<Vec<_>>(), [(1, 2), (5, 6)]);
        assert_eq!(walk.tail.seq, 7);
    }
}
