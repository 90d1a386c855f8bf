//! How far a member of a chat room has got, and what follows for each message.

use bson::DateTime;
use serde::{Deserialize, Serialize};

use super::Message;
use crate::id::Seq;

/// How far a message has got; it only ever moves forward.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored; not sent to any device of the receiver.
    NotSent,
    /// Sent to a device of the receiver, in full or in a count of missed messages.
    Sent,
    /// Read by the receiver.
    Read,
}

/// How far one member has got in the messages of the other; each of these only moves forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursors {
    /// Everything up to here is confirmed as received.
    pub delivered: Seq,
    /// The position up to which a device was sent messages after they had been stored.
    pub sent: SentCursor,
    /// The position up to which everything is read.
    pub read: ReadCursor,
}

/// The position up to which a member's devices were sent messages that had been stored before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentCursor {
    /// Position of the last of them, 0 for none.
    pub seq: Seq,
    /// When the cursor was moved there: by it a server recognises its own move.
    pub at: Option<DateTime>,
}

/// The position up to which a member has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCursor {
    /// Position of the last message read, 0 for none.
    pub seq: Seq,
    /// How many messages of the other, visible to the reader, were sent up to there.
    pub count: i64,
    /// The previous position of the cursor.
    pub after: Seq,
    /// When it was moved; `None` if never, or by a migration.
    pub at: Option<DateTime>,
}

/// One of the newest receipts of a member: the cursor was moved from `after` to `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadStep {
    /// The position that had been read before.
    pub after: Seq,
    /// The new position.
    pub seq: Seq,
    /// The time of the receipt.
    pub at: DateTime,
}

/// Receipts of a member that are stored with their time. One page of history contains as
/// many in an ordinary conversation; they are a kilobyte of a chat room.
pub const STEPS_KEPT: usize = 16;

/// How far a message has got, and when, as far as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The status.
    pub status: Status,
    /// When it was sent to a device of the receiver.
    pub sent_at: Option<DateTime>,
    /// When it was read.
    pub read_at: Option<DateTime>,
}

impl Cursors {
    /// The further of two states of the same cursors.
    #[must_use]
    pub fn furthest(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.max(other.delivered),
            sent: if other.sent.seq > self.sent.seq {
                other.sent
            } else {
                self.sent
            },
            read: if other.read.seq > self.read.seq {
                other.read
            } else {
                self.read
            },
        }
    }

    /// Everything up to here has been sent to its receiver, or read.
    pub fn sent_or_read(&self) -> Seq {
        self.sent.seq.max(self.read.seq)
    }
}

impl Message {
    /// How far the message got by being stored.
    pub fn born(&self) -> Delivery {
        self.delivery(&Cursors::default(), &[])
    }

    /// How far the message has got, by its receiver's cursors and newest `steps`.
    ///
    /// This is the only place that decides it. A withheld message is `sent` for ever, as
    /// its sender sees it; it has no receiver and so no cursors.
    pub fn delivery(&self, receiver: &Cursors, steps: &[ReadStep]) -> Delivery {
        let is_read = self.seq <= receiver.read.seq || self.read_at.is_some();
        let status = if self.is_withheld() {
            Status::Sent
        } else if is_read {
            Status::Read
        } else if self.sent_at.is_some() || self.seq <= receiver.sent.seq {
            Status::Sent
        } else {
            Status::NotSent
        };
        let read_at = match status {
            Status::Read => self.read_at.or_else(|| read_at(self.seq, receiver, steps)),
            Status::NotSent | Status::Sent => None,
        };
        Delivery {
            status,
            sent_at: self.sent_at,
            read_at,
        }
    }
}

/// When the message at `seq` was read: with the receipt that moved the cursor past it, if
/// that is stored.
fn read_at(seq: Seq, receiver: &Cursors, steps: &[ReadStep]) -> Option<DateTime> {
    let ReadCursor { after, at, .. } = receiver.read;
    if seq > after {
        return at;
    }
    let step = steps
        .iter()
        .find(|step| (step.after + 1..=step.seq).contains(&seq));
    step.map(|step| step.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Counts;
    use crate::id::{ChatRoomId, ChatUserId, MessageId};

    fn at(millis: i64) -> DateTime {
        DateTime::from_millis(millis)
    }

    fn message(seq: Seq) -> Message {
        Message {
            id: MessageId::generate(),
            chat_room: ChatRoomId::generate(),
            from: ChatUserId::generate(),
            to: ChatUserId::generate(),
            message: "hello".to_owned(),
            kind: None,
            data: None,
            created_at: at(seq),
            seq,
            counts: Counts::default(),
            client_id: None,
            sent_at: None,
            read_at: None,
            rev: None,
            redacted: false,
            asked: None,
            via: None,
        }
    }

    fn cursors(sent: Seq, read: Seq) -> Cursors {
        Cursors {
            delivered: 0,
            sent: SentCursor {
                seq: sent,
                at: Some(at(100)),
            },
            read: ReadCursor {
                seq: read,
                count: read,
                after: 0,
                at: Some(at(200)),
            },
        }
    }

    #[test]
    fn cursors_say_how_far_a_message_got() {
        let cursors = cursors(5, 3);
        let status = |seq| message(seq).delivery(&cursors, &[]).status;
        assert_eq!(status(3), Status::Read);
        assert_eq!(status(5), Status::Sent);
        assert_eq!(status(6), Status::NotSent);
        let born_sent = Message {
            sent_at: Some(at(9)),
            ..message(6)
        };
        let delivery = born_sent.delivery(&cursors, &[]);
        assert_eq!(delivery.status, Status::Sent);
        assert_eq!(delivery.sent_at, Some(at(9)));
    }

    #[test]
    fn a_withheld_message_is_sent_whatever_the_cursors_say() {
        let withheld = Message {
            to: ChatUserId::NOBODY,
            sent_at: Some(at(1)),
            ..message(2)
        };
        let delivery = withheld.delivery(&cursors(5, 5), &[]);
        assert_eq!(delivery.status, Status::Sent);
        assert_eq!(delivery.read_at, None);
    }

    #[test]
    fn an_old_document_that_says_when_it_was_read_is_believed() {
        let old = Message {
            read_at: Some(at(7)),
            ..message(9)
        };
        let delivery = old.delivery(&Cursors::default(), &[]);
        assert_eq!(delivery.status, Status::Read);
        assert_eq!(delivery.read_at, Some(at(7)));
    }

    #[test]
    fn the_time_of_reading_is_that_of_the_receipt_that_covers_the_message() {
        let steps = [(1, 2, 10), (2, 5, 20), (5, 6, 30)];
        let steps = steps.map(|(after, seq, millis)| ReadStep {
            after,
            seq,
            at: at(millis),
        });
        let mut cursors = cursors(0, 8);
        cursors.read.after = 6;
        let read_at = |seq| message(seq).delivery(&cursors, &steps).read_at;
        assert_eq!(read_at(1), None, "an older receipt, forgotten");
        assert_eq!([read_at(2), read_at(3)], [Some(at(10)), Some(at(20))]);
        assert_eq!([read_at(5), read_at(6)], [Some(at(20)), Some(at(30))]);
        assert_eq!(read_at(8), Some(at(200)), "the cursor's own time");
        assert_eq!(read_at(9), None, "not read");
    }

    #[test]
    fn of_two_states_the_further_cursors_count() {
        let (a, b) = (cursors(5, 1), cursors(3, 4));
        let both = a.furthest(b);
        assert_eq!((both.sent.seq, both.read.seq), (5, 4));
        assert_eq!(b.furthest(a), both);
        assert_eq!(both.sent_or_read(), 5);
    }
}
