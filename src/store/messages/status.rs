//! Moving messages forward: handed over, read.

use bson::{DateTime, Document, doc};

use super::{Error, Message, Messages, Status};
use crate::bugs::{self, Bug};
use crate::id::{ChatRoomId, ChatUserId, Seq};

/// One step forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Handed over: `not_sent` → `sent`.
    Sent,
    /// Read: anything → `read`. What is read was handed over.
    Read,
}

/// A step for the messages to one person in a range of a chat room.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Which step.
    pub step: Step,
    /// The chat room.
    pub room: ChatRoomId,
    /// Whose messages: those this person receives.
    pub to: ChatUserId,
    /// First position, included.
    pub first: Seq,
    /// Last position, included.
    pub last: Seq,
    /// When.
    pub at: DateTime,
}

/// The messages that a [`Change`] is about to move.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Position of the oldest.
    pub oldest: Seq,
    /// The newest, as it is before.
    pub newest: Message,
}

impl Change {
    /// The messages that have not taken the step. Index: `chatRoom_seq` for
    /// sent, `to_unread_chatRoom_seq` for read.
    fn before(&self) -> Document {
        let mut filter = self.range();
        match self.step {
            Step::Sent => filter.insert("status", "not_sent"),
            Step::Read => filter.insert("unread", true),
        };
        filter
    }

    /// The messages that took the step by this very change, its time says.
    /// Index: `chatRoom_seq`.
    fn after(&self) -> Document {
        let mut filter = self.range();
        match self.step {
            Step::Sent => filter.insert("sentAt", self.at),
            Step::Read => filter.insert("readAt", self.at),
        };
        filter
    }

    /// The messages that the update changes: those before the step, but for bugs.
    fn moved(&self) -> Document {
        match self.step {
            Step::Sent if bugs::active(Bug::EverybodyMarkedSent) => doc! { "status": "not_sent" },
            Step::Sent if bugs::active(Bug::ReadBackToSent) => {
                doc! { "chatRoom": self.room, "seq": { "$lte": self.last }, "to": self.to }
            }
            Step::Sent | Step::Read => self.before(),
        }
    }

    fn range(&self) -> Document {
        doc! {
            "chatRoom": self.room,
            "seq": { "$gte": self.first, "$lte": self.last },
            "to": self.to,
        }
    }

    fn update(&self) -> Vec<Document> {
        match self.step {
            Step::Sent => vec![doc! { "$set": { "status": "sent", "sentAt": self.at } }],
            Step::Read => {
                let read = doc! { "$set": {
                    "status": "read",
                    "readAt": self.at,
                    "sentAt": { "$ifNull": ["$sentAt", self.at] },
                } };
                if bugs::active(Bug::UnreadDrift) {
                    return vec![read];
                }
                vec![read, doc! { "$unset": "unread" }]
            }
        }
    }

    /// What the step makes of a message it moves.
    pub fn applied_to(&self, message: Message) -> Message {
        let sent_at = message.sent_at.or(Some(self.at));
        match self.step {
            Step::Sent => Message {
                status: Status::Sent,
                sent_at,
                ..message
            },
            Step::Read => Message {
                status: Status::Read,
                sent_at,
                read_at: Some(self.at),
                unread: None,
                ..message
            },
        }
    }
}

impl Messages {
    /// Finds the ends of what a change will move; `None` if it moves nothing.
    ///
    /// Asked before the change: afterwards nothing tells these messages from
    /// those that had taken the step earlier.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_ends(&self, change: Change) -> Result<Option<Ends>, Error> {
        let edge = |direction: i32| {
            self.documents.find_first(
                "messages.find_ends",
                change.before(),
                doc! { "seq": direction },
            )
        };
        let (newest, oldest) = if change.first == change.last {
            let only = edge(1).await?;
            (only.clone(), only)
        } else {
            futures::try_join!(edge(-1), edge(1))?
        };
        Ok(newest.zip(oldest).map(|(newest, oldest)| Ends {
            oldest: oldest.seq,
            newest,
        }))
    }

    /// Applies a change; tells how many messages it moved.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer; applying the same
    /// change again is harmless.
    pub async fn apply(&self, change: Change) -> Result<u64, Error> {
        self.documents
            .update_many("messages.apply", change.moved(), change.update())
            .await
    }

    /// Finds the ends of what a change has moved, by its time: some of what was
    /// to be moved may have been moved by another one, before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_moved(&self, change: Change) -> Result<Option<Ends>, Error> {
        let edge = |direction: i32| {
            self.documents.find_first(
                "messages.find_moved",
                change.after(),
                doc! { "seq": direction },
            )
        };
        let (newest, oldest): (Option<Message>, Option<Message>) =
            futures::try_join!(edge(-1), edge(1))?;
        Ok(newest.zip(oldest).map(|(newest, oldest)| Ends {
            oldest: oldest.seq,
            newest,
        }))
    }

    /// Counts what a change moved, by its time; for when its answer was lost.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_applied(&self, change: Change) -> Result<u64, Error> {
        let filter = change.after();
        self.documents
            .read("messages.count_applied", move |collection| {
                let filter = filter.clone();
                async move { collection.count_documents(filter).await }
            })
            .await
    }
}
