//! Migration 0003: how far messages got moves from the messages to cursors of their
//! chat rooms, and every message gets its counts.
//!
//! Chat rooms are migrated one after the other, and a finished one has `lastCounts`: an
//! interrupted run continues with the others, and a half-finished chat room is migrated
//! again from the messages, which keep their old status until its cursors are stored.
//!
//! | before | after |
//! |---|---|
//! | messages `read` | `read.seq` is the highest of them: unread ones below become read, and are counted in the report, since nothing that was read may become less |
//! | messages `sent` with `sentAt` | nothing: `sentAt` says it |
//! | messages `sent` without `sentAt` | `sent.seq` is the highest of them |

use std::time::{Duration, Instant};

use bson::{Bson, DateTime, Document, RawDocument, doc};

use super::MigrateError;
use crate::domain::{ByMember, Head, Members, Position};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::chat_rooms::numbers;
use crate::store::scan::{self, Query, Scan};
use crate::store::{Error, MAINTENANCE_LIMIT, Store, messages};

/// Messages updated in one round trip.
const MESSAGES_AT_ONCE: usize = 500;
/// Chat rooms listed in one round trip.
const ROOMS_AT_ONCE: i64 = 1_000;
/// How often progress is logged.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Attempts at one update, with pauses of 1, 2, 3 … seconds between them.
const ATTEMPTS: u64 = 10;

/// What the migration did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    rooms: u64,
    messages: u64,
    /// Unread messages below one that was read.
    became_read: u64,
}

impl Done {
    /// A note about the outcome; none for a new database.
    pub(super) fn note(self) -> Option<String> {
        if self == Self::default() {
            return None;
        }
        let Self {
            rooms,
            messages,
            became_read,
        } = self;
        Some(format!(
            "{rooms} chat rooms and {messages} messages carried over; \
             {became_read} unread messages below one that was read became read"
        ))
    }
}

/// A message from before the migration, as far as it matters.
struct Old {
    id: Bson,
    seq: Seq,
    from: Option<ChatUserId>,
    to: Option<ChatUserId>,
    at: Option<DateTime>,
    is_read: bool,
    /// Sent, without a time that says when.
    is_sent_untimed: bool,
}

impl Old {
    fn read(document: &RawDocument) -> Self {
        let field = |name| document.get(name).ok().flatten();
        let date = |name| field(name).and_then(scan::date);
        let status = field("status").and_then(bson::RawBsonRef::as_str);
        Self {
            id: field("_id").map_or(Bson::Null, scan::value),
            seq: field("seq").and_then(scan::integer).unwrap_or_default(),
            from: field("from").and_then(ChatUserId::from_raw),
            to: field("to").and_then(ChatUserId::from_raw),
            at: date("createdAt"),
            is_read: status == Some("read") || date("readAt").is_some(),
            is_sent_untimed: status == Some("sent") && date("sentAt").is_none(),
        }
    }
}

/// How far a member has got, according to the messages.
#[derive(Clone, Copy, Debug, Default)]
struct Got {
    read: (Seq, i64),
    sent: Seq,
    /// Unread messages since the last read one.
    unread: u64,
    /// Unread messages below a read one.
    became_read: u64,
}

/// A chat room being migrated.
struct Room {
    id: ChatRoomId,
    members: Members,
    head: Head,
    got: ByMember<Got>,
    messages: u64,
}

impl Room {
    fn new(id: ChatRoomId, members: Members) -> Self {
        Self {
            id,
            members,
            head: Head::EMPTY,
            got: ByMember::default(),
            messages: 0,
        }
    }

    /// Takes the next message in the order of `seq`; returns the update it needs.
    fn take(&mut self, old: &Old) -> Document {
        self.messages += 1;
        let position = |who: Option<ChatUserId>| self.members.position(who?);
        let (from, to) = (position(old.from), position(old.to));
        let counts = match from {
            Some(from) => self.head.counts.after(from, to.is_none()),
            None => self.head.counts,
        };
        self.head = Head {
            seq: old.seq,
            at: old.at.map_or(self.head.at, |at| at.max(self.head.at)),
            counts,
        };
        if let (Some(from), Some(to)) = (from, to) {
            let got = self.got.of_mut(to);
            if old.is_read {
                got.read = (old.seq, *counts.of(from));
                got.became_read += std::mem::take(&mut got.unread);
            } else {
                got.unread += 1;
                if old.is_sent_untimed {
                    got.sent = old.seq;
                }
            }
        }
        let filter = doc! { "chatRoom": self.id, "seq": old.seq, "_id": &old.id };
        doc! { "q": filter, "u": { "$set": { "counts": numbers(counts) } } }
    }

    /// The update of the chat room's head, which marks it as finished.
    fn head(&self) -> Document {
        let Head { seq, at, counts } = self.head;
        let mut most = doc! { "lastSeq": seq, "lastCounts": numbers(counts), "logged": seq };
        if seq > 0 {
            most.insert("lastMessageAt", at);
        }
        doc! { "q": { "_id": self.id }, "u": { "$max": most } }
    }

    /// The update of its members' cursors.
    fn cursors(&self) -> Document {
        let mut most = Document::new();
        for position in [Position::First, Position::Second] {
            let member = self.members.one(position);
            let got = self.got.of(position);
            let (read, count) = got.read;
            if read > 0 {
                most.insert(format!("cursors.{member}.read.seq"), read);
                most.insert(format!("cursors.{member}.read.count"), count);
                // nobody knows from which position on earlier messages were read
                most.insert(format!("cursors.{member}.read.after"), read);
            }
            if got.sent > 0 {
                most.insert(format!("cursors.{member}.sent.seq"), got.sent);
            }
        }
        if most.is_empty() {
            // an update must not be empty
            most.insert("lastSeq", self.head.seq);
        }
        doc! { "q": { "_id": self.id }, "u": { "$max": most } }
    }
}

impl Store {
    /// Migrates every chat room that is not finished.
    pub(super) async fn move_to_cursors(&self) -> Result<Done, MigrateError> {
        let mut done = Done::default();
        let mut reported = Instant::now();
        loop {
            let rooms = self.chat_rooms.list_unmigrated(ROOMS_AT_ONCE).await?;
            if rooms.is_empty() {
                return Ok(done);
            }
            for (id, members) in rooms {
                // a server that was frozen may be running again
                if reported.elapsed() >= REPORT_EVERY {
                    reported = Instant::now();
                    self.refuse_other_versions().await?;
                    let (rooms, messages) = (done.rooms, done.messages);
                    tracing::info!(rooms, messages, "chat rooms are carried over");
                }
                let room = self.carry_over(Room::new(id, members)).await?;
                done.rooms += 1;
                done.messages += room.messages;
                for position in [Position::First, Position::Second] {
                    done.became_read += room.got.of(position).became_read;
                }
            }
        }
    }

    async fn carry_over(&self, mut room: Room) -> Result<Room, MigrateError> {
        let mut old = self.messages.scan_room(room.id);
        let mut updates = Vec::new();
        while let Some(message) = old.next().await? {
            updates.push(room.take(&message));
            if updates.len() >= MESSAGES_AT_ONCE {
                let full = std::mem::take(&mut updates);
                self.update(&self.names.messages, full).await?;
            }
        }
        self.update(&self.names.messages, updates).await?;
        if room.messages > 0 {
            // from here on the cursors contain the statuses, so they come first
            self.update(&self.names.chat_rooms, vec![room.cursors()])
                .await?;
            let filter = doc! { "chatRoom": room.id };
            let unset = doc! { "$unset": { "status": "", "unread": "" } };
            let unset = vec![doc! { "q": filter, "u": unset, "multi": true }];
            self.update(&self.names.messages, unset).await?;
        }
        self.update(&self.names.chat_rooms, vec![room.head()])
            .await?;
        Ok(room)
    }

    /// Executes statements, however long a majority or an election takes.
    async fn update(
        &self,
        collection: &str,
        statements: Vec<Document>,
    ) -> Result<(), MigrateError> {
        for pause in 1..=ATTEMPTS {
            let written = self.bulk.update(
                "migrate.cursors",
                collection,
                statements.clone(),
                MAINTENANCE_LIMIT,
            );
            match written.await {
                Ok(written) if written.refused > 0 => {
                    return Err(MigrateError::Refused(written.refused, collection.into()));
                }
                Err(error) if error.is_transient() && pause < ATTEMPTS => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the migration tries again"
                    );
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
                written => return Ok(written.map(drop)?),
            }
        }
        Ok(())
    }
}

impl crate::store::ChatRooms {
    /// Lists chat rooms that are not finished, the first of them by `_id`; one that the
    /// server could not read is skipped.
    async fn list_unmigrated(&self, limit: i64) -> Result<Vec<(ChatRoomId, Members)>, Error> {
        let filter = doc! {
            "_id": scan::after(None::<ChatRoomId>),
            "lastCounts": { "$exists": false },
            "chatUsers.1": { "$type": "objectId" },
            "createdAt": { "$type": "date" },
            "addedBy": { "$type": "objectId" },
        };
        let rooms = self.list_where(filter, limit).await?;
        Ok(rooms
            .into_iter()
            .map(|room| (room.id, room.members))
            .collect())
    }
}

impl messages::Messages {
    /// Reads the messages of a chat room in order. Index: `chatRoom_seq`.
    fn scan_room(&self, room: ChatRoomId) -> Scan<Old> {
        let query = Query {
            filter: doc! { "chatRoom": room },
            projection: doc! { "message": 0, "clientId": 0, "chatRoom": 0 },
            sort: doc! { "chatRoom": 1, "seq": 1 },
        };
        self.scan_as(query, Old::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Counts;

    fn old(seq: Seq, from: ChatUserId, to: ChatUserId, is_read: bool) -> Old {
        Old {
            id: Bson::Int64(seq),
            seq,
            from: Some(from),
            to: Some(to),
            at: Some(DateTime::from_millis(seq)),
            is_read,
            is_sent_untimed: false,
        }
    }

    #[test]
    fn the_highest_message_read_is_where_the_cursor_stands() {
        let [a, b] = [(); 2].map(|()| ChatUserId::generate());
        let mut room = Room::new(ChatRoomId::generate(), Members::new(a, b).unwrap());
        let said = [(a, b, false), (b, a, false), (a, b, true), (a, b, false)];
        for ((from, to, is_read), seq) in said.into_iter().zip(1..) {
            room.take(&old(seq, from, to, is_read));
        }
        let withheld = old(5, a, ChatUserId::NOBODY, false);
        room.take(&withheld);

        let got = room.got.of(Position::Second);
        assert_eq!(got.read, (3, 2));
        assert_eq!((got.became_read, got.unread), (1, 1));
        assert_eq!(room.got.of(Position::First).read, (0, 0));
        assert_eq!(room.head.seq, 5);
        assert_eq!(room.head.counts, Counts::new(3, 1));
    }
}
