//! The messages of one chat room, one after the other.

use super::suspect::{Suspect, Tail};
use super::{Check, Finding};
use crate::domain::{Counts, Members};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::chat_rooms::ScannedRoom;
use crate::store::messages::Scanned;
use crate::store::shown;

/// The state of a room while its messages are read.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) room: ChatRoomId,
    pub(super) members: Option<Members>,
    pub(super) tail: Tail,
    /// The positions of the members' read cursors, and the counts there once that message was read.
    reads: Vec<(String, Seq, Option<Counts>)>,
    /// The last change of a message.
    last_rev: i64,
    /// The last message with a number, for findings.
    last_id: String,
}

impl Walk {
    pub(super) fn new(id: ChatRoomId, room: &ScannedRoom) -> Self {
        // a member without cursors has read nothing
        let members = room.members.map(|members| members.ids());
        let members = members.into_iter().flatten();
        let reads =
            members.map(|member| (member.to_hex().to_string(), room.read(member).seq, None));
        Self {
            room: id,
            members: room.members,
            tail: Tail::default(),
            reads: reads.collect(),
            last_rev: 0,
            last_id: String::new(),
        }
    }

    /// Whether the chat room knows of all changes.
    pub(super) fn knows_changes(&self, room: &ScannedRoom) -> bool {
        self.last_rev <= room.rev
    }

    /// The counts at the position of a read cursor, recounted.
    pub(super) fn counts_at(&self, seq: Seq) -> Option<Counts> {
        let mut reads = self.reads.iter();
        reads.find(|(_, read, _)| *read == seq)?.2
    }

    /// Takes the next message in the order of `seq`; pushes suspects.
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
        ] {
            if !is_there {
                sure(
                    Check::Malformed,
                    format!("`{field}` is missing or no {field}"),
                );
            }
        }
        if let (Some(members), Some(from), Some(to)) = (self.members, message.from, message.to) {
            let is_member = members.position(from).is_some();
            let fits = to == ChatUserId::NOBODY || to == members.other(from);
            if !is_member || !fits {
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
        if let Some(rev) = message.rev {
            self.last_rev = self.last_rev.max(rev);
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
            let is_next = self.number(seq, suspects);
            self.count(message, seq, is_next, suspects);
            self.tail.at = message.created_at.or(self.tail.at);
            self.last_id.clone_from(&id);
        }
        self.tail.latest = self.tail.latest.max(message.created_at);
    }

    /// Takes the number; returns whether it is the next one.
    fn number(&mut self, seq: Seq, suspects: &mut Vec<Suspect>) -> bool {
        let next = self.tail.seq.saturating_add(1);
        if seq > next {
            suspects.push(Suspect::Gap {
                room: self.room,
                first: next,
                last: seq - 1,
            });
        }
        self.tail.seq = seq;
        seq == next
    }

    /// Counts the message, and compares. Where nothing can be counted, after a gap or for
    /// a sender who is not a member, the message's own counts are accepted.
    fn count(&mut self, message: &Scanned, seq: Seq, is_next: bool, suspects: &mut Vec<Suspect>) {
        let counted = self.members.filter(|_| is_next).and_then(|members| {
            let sender = members.position(message.from?)?;
            let withheld = message.to? == ChatUserId::NOBODY;
            Some(self.tail.counts.after(sender, withheld))
        });
        if let Some(counts) = counted.filter(|_| counted != message.counts) {
            suspects.push(Suspect::Counts {
                id: message.id.clone(),
                room: self.room,
                counts,
            });
        }
        let counts = counted.or(message.counts).unwrap_or(self.tail.counts);
        self.tail.counts = counts;
        let to = message.to.map(ChatUserId::to_hex);
        for (member, read, counted) in &mut self.reads {
            if *read == seq {
                *counted = Some(counts);
            }
            let is_receiver = to.is_some_and(|to| **member == *to);
            if message.read && is_receiver && *read < seq {
                suspects.push(Suspect::ReadAt {
                    id: message.id.clone(),
                    room: self.room,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime};

    use super::*;
    use crate::store::chat_rooms::ScannedHead;

    fn message(seq: Seq) -> Scanned {
        Scanned {
            id: Bson::Int64(seq),
            room: None,
            seq: Some(seq),
            from: None,
            to: None,
            created_at: Some(DateTime::from_millis(seq)),
            counts: None,
            stored_counts: Bson::Null,
            read: false,
            rev: None,
        }
    }

    #[test]
    fn a_room_that_begins_late_and_jumps_has_two_gaps() {
        let room = ScannedRoom {
            id: None,
            members: None,
            pair: Bson::Null,
            head: ScannedHead::default(),
            cursors: Vec::new(),
            rev: 0,
        };
        let mut walk = Walk::new(ChatRoomId::generate(), &room);
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
