//! The messages of two people, numbered: what of them is taken over, and how far each of the
//! two has got.
//!
//! | chatzz 1.x | here |
//! |---|---|
//! | messages `read` | `read.seq` is the last of them: unread ones below become read, since nothing that was read may become less |
//! | messages `sent` | `sent.seq` is the last of them |
//! | messages `not_sent` | `delivered` ends before the first that has not become read: it and later ones are handed out at the next login, and nobody is handed old messages |

use bson::oid::ObjectId;
use bson::raw::cstr;
use bson::spec::ElementType;
use bson::{DateTime, RawArrayBuf, RawBson, RawBsonRef, RawDocument, RawDocumentBuf};

use crate::config::MESSAGE_MAX_BYTES;
use crate::domain::{ByMember, Cursors, Head, Members, Position, ReadCursor, SentCursor};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::store::adopt::{NewRoom, Pair, Reason, Twins};

/// A message of chatzz 1.x, as far as it can be taken over.
#[derive(Debug)]
pub(super) struct OldMessage {
    id: MessageId,
    from: ChatUserId,
    to: ChatUserId,
    text: String,
    at: DateTime,
    status: OldStatus,
}

/// How far it got. The original stores no times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OldStatus {
    NotSent,
    Sent,
    Read,
}

impl OldMessage {
    /// Reads a message of two people.
    ///
    /// # Errors
    /// With the reason why it cannot be taken over.
    pub(super) fn read(
        document: &RawDocument,
        members: Members,
        twins: &Twins,
    ) -> Result<Self, Reason> {
        let (mut id, mut from, mut to, mut text, mut at) = (None, None, None, None, None);
        let mut status = OldStatus::Sent;
        for field in document.iter_elements() {
            let field = field.map_err(|_| Reason::Malformed)?;
            let name = field.key().as_str();
            if name == "message" {
                // other drivers store what is not UTF-8: U+FFFD stands in its place
                text = match field.element_type() {
                    ElementType::String => field.value_utf8_lossy().ok(),
                    _ => None,
                };
                continue;
            }
            let Ok(value) = field.value() else { continue };
            match name {
                "_id" => id = MessageId::from_raw(value),
                "from" => from = ChatUserId::from_raw(value),
                "to" => to = ChatUserId::from_raw(value),
                "createdAt" => at = value.as_datetime(),
                "status" => status = status_of(value),
                _ => {}
            }
        }
        let (Some(id), Some(from), Some(to), Some(RawBson::String(text)), Some(at)) =
            (id, from, to, text, at)
        else {
            return Err(Reason::Malformed);
        };
        let (from, to) = (twins.oldest(from), twins.oldest(to));
        if from == to {
            return Err(Reason::ToOneself);
        }
        if members.position(from).is_none() || members.position(to).is_none() {
            return Err(Reason::Stranger);
        }
        if text.len() > MESSAGE_MAX_BYTES {
            return Err(Reason::TooLong);
        }
        Ok(Self {
            id,
            from,
            to,
            text,
            at,
            status,
        })
    }
}

fn status_of(value: RawBsonRef<'_>) -> OldStatus {
    match value.as_str() {
        Some("not_sent") => OldStatus::NotSent,
        Some("read") => OldStatus::Read,
        _ => OldStatus::Sent,
    }
}

/// How far a member has got, according to the messages to them.
#[derive(Clone, Copy, Debug, Default)]
struct Got {
    read: (Seq, i64),
    sent: Seq,
    /// The first that was not sent since the last read one.
    not_sent: Option<Seq>,
    /// Unread messages since the last read one.
    unread: u64,
    /// Unread messages below a read one.
    became_read: u64,
}

impl Got {
    fn take(&mut self, seq: Seq, count: i64, status: OldStatus) {
        match status {
            OldStatus::Read => {
                self.read = (seq, count);
                self.not_sent = None;
                self.became_read += std::mem::take(&mut self.unread);
            }
            OldStatus::Sent => {
                self.sent = seq;
                self.unread += 1;
            }
            OldStatus::NotSent => {
                self.not_sent.get_or_insert(seq);
                self.unread += 1;
            }
        }
    }

    fn cursors(&self, last: Seq) -> Cursors {
        let (seq, count) = self.read;
        Cursors {
            delivered: self.not_sent.map_or(last, |first| first - 1),
            sent: SentCursor {
                seq: self.sent,
                at: None,
            },
            // nobody knows from which position on they were read
            read: ReadCursor {
                seq,
                count,
                after: seq,
                at: None,
            },
        }
    }
}

/// A chat room that is being taken over.
#[derive(Debug)]
pub(super) struct Conversation {
    id: ChatRoomId,
    members: Members,
    created_at: DateTime,
    head: Head,
    got: ByMember<Got>,
}

impl Conversation {
    /// Of a pair; `None` if it has no chat room.
    pub(super) fn new(pair: &Pair) -> Option<Self> {
        Some(Self {
            id: *pair.rooms.first()?,
            members: pair.members,
            created_at: pair.created_at,
            head: Head::EMPTY,
            got: ByMember::default(),
        })
    }

    pub(super) fn members(&self) -> Members {
        self.members
    }

    /// Takes the next message, in the order of `(createdAt, _id)`; returns it as it is to be
    /// stored.
    pub(super) fn take(&mut self, old: &OldMessage) -> RawDocumentBuf {
        let positions = [old.from, old.to].map(|who| self.members.position(who));
        let [from, to] = positions.map(|position| position.unwrap_or(Position::First));
        let counts = self.head.counts.after(from, false);
        self.head = Head {
            seq: self.head.seq + 1,
            // it never decreases, whatever order the messages come in
            at: self.head.at.max(old.at),
            counts,
        };
        let Head { seq, at, .. } = self.head;
        self.got.of_mut(to).take(seq, *counts.of(from), old.status);
        let mut numbers = RawArrayBuf::new();
        numbers.push(*counts.of(Position::First));
        numbers.push(*counts.of(Position::Second));
        let mut message = RawDocumentBuf::new();
        message.append(cstr!("_id"), ObjectId::from_bytes(old.id.bytes()));
        message.append(cstr!("chatRoom"), ObjectId::from_bytes(self.id.bytes()));
        message.append(cstr!("seq"), seq);
        message.append(cstr!("from"), ObjectId::from_bytes(old.from.bytes()));
        message.append(cstr!("to"), ObjectId::from_bytes(old.to.bytes()));
        message.append(cstr!("message"), old.text.as_str());
        message.append(cstr!("createdAt"), at);
        message.append(cstr!("counts"), numbers);
        message
    }

    /// The chat room, once all messages are taken.
    pub(super) fn into_room(self) -> NewRoom {
        let cursors = |position| self.got.of(position).cursors(self.head.seq);
        let became_read = |position| self.got.of(position).became_read;
        NewRoom {
            id: self.id,
            members: self.members,
            created_at: self.created_at,
            head: self.head,
            cursors: ByMember::new(cursors(Position::First), cursors(Position::Second)),
            became_read: became_read(Position::First) + became_read(Position::Second),
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use crate::domain::Counts;

    use super::*;

    fn of_two() -> (Conversation, Members) {
        let members = [(); 2].map(|()| ChatUserId::generate());
        let members = Members::new(members[0], members[1]).unwrap();
        let pair = Pair {
            members,
            rooms: vec![ChatRoomId::generate()],
            created_at: DateTime::from_millis(1),
        };
        (Conversation::new(&pair).unwrap(), members)
    }

    fn message(members: Members, by_first: bool, status: &str, at: i64) -> bson::Document {
        let [first, second] = members.ids();
        let (from, to) = if by_first {
            (first, second)
        } else {
            (second, first)
        };
        doc! { "_id": MessageId::generate(), "status": status, "message": "hello",
        "chatRoom": ChatRoomId::generate(), "from": from, "to": to,
        "createdAt": DateTime::from_millis(at), "__v": 0 }
    }

    fn read(document: &bson::Document, members: Members) -> Result<OldMessage, Reason> {
        let document = RawDocumentBuf::try_from(document).unwrap();
        OldMessage::read(&document, members, &Twins::default())
    }

    fn room(said: &[(bool, &str)]) -> NewRoom {
        let (mut conversation, members) = of_two();
        for ((by_first, status), at) in said.iter().zip(1..) {
            let old = read(&message(members, *by_first, status, at), members).unwrap();
            conversation.take(&old);
        }
        conversation.into_room()
    }

    #[test]
    fn nothing_that_was_read_becomes_less() {
        let room = room(&[
            (true, "not_sent"),
            (false, "read"),
            (true, "sent"),
            (true, "read"),
            (true, "sent"),
            (true, "not_sent"),
            (true, "sent"),
        ]);
        let second = room.cursors.of(Position::Second);
        assert_eq!(
            (second.read.seq, second.read.count, second.read.after),
            (4, 3, 4)
        );
        assert_eq!((second.sent.seq, second.delivered), (7, 5));
        let first = room.cursors.of(Position::First);
        assert_eq!(
            (first.read.seq, first.read.count, first.delivered),
            (2, 1, 7)
        );
        assert_eq!(room.became_read, 2);
        assert_eq!(room.head.counts, Counts::new(6, 1));
    }

    #[test]
    fn nobody_is_handed_messages_that_were_sent() {
        let room = room(&[(true, "sent"), (true, "sent")]);
        assert_eq!(room.cursors.of(Position::Second).delivered, 2);
    }

    #[test]
    fn a_message_that_cannot_be_taken_over_says_why() {
        let (_, members) = of_two();
        let [first, second] = members.ids();
        let changed = |change: bson::Document| {
            let mut message = message(members, true, "sent", 1);
            message.extend(change);
            read(&message, members).map(drop)
        };
        let stranger = ChatUserId::generate();
        for (change, reason) in [
            (doc! { "to": first }, Reason::ToOneself),
            (doc! { "to": stranger }, Reason::Stranger),
            (doc! { "from": stranger }, Reason::Stranger),
            (doc! { "message": 7 }, Reason::Malformed),
            (doc! { "createdAt": "yesterday" }, Reason::Malformed),
            (doc! { "_id": "1" }, Reason::Malformed),
            (doc! { "message": "x".repeat(65_537) }, Reason::TooLong),
        ] {
            assert_eq!(changed(change.clone()), Err(reason), "{change}");
        }
        assert_eq!(changed(doc! { "message": "x".repeat(65_536) }), Ok(()));
        assert_eq!(changed(doc! { "to": second, "more": 1 }), Ok(()));
    }
}
