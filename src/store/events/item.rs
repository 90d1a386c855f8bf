//! What is in the log beside messages.

use bson::{Bson, DateTime, RawDocument};
use serde::{Deserialize, Serialize};

use crate::domain::Status;
use crate::id::{ChatRoomId, ChatUserId, Seq, UserId, stored};

/// Something that happened once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its number in its server's run: the two together are its id.
    #[serde(rename = "n")]
    pub number: i64,
    /// What happened.
    #[serde(rename = "e")]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// Messages of a chat room got further.
    Advanced {
        /// Where.
        room: ChatRoomId,
        /// Who received them.
        reader: ChatUserId,
        /// Who sent them.
        sender: ChatUserId,
        /// How far they got.
        status: Status,
        /// Position of the newest of them.
        newest: Seq,
        /// Position of the oldest, if there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oldest: Option<Seq>,
        /// When.
        at: DateTime,
    },
    /// Messages of a chat room were changed; how they are now says their document.
    Changed {
        /// Where.
        room: ChatRoomId,
        /// Its members.
        members: [ChatUserId; 2],
        /// The first change.
        first: i64,
        /// The last one.
        last: i64,
    },
    /// Two people got a chat room.
    ContactAdded {
        /// The chat room.
        room: ChatRoomId,
        /// Its members.
        members: [ChatUserId; 2],
    },
    /// Somebody blocked a user.
    Blocked {
        /// Who.
        by: ChatUserId,
        /// Whom.
        who: ChatUserId,
    },
    /// Somebody unblocked a user.
    Unblocked {
        /// Who.
        by: ChatUserId,
        /// Whom.
        who: ChatUserId,
    },
    /// Somebody set who may write to them.
    PrivacySet {
        /// Who.
        by: ChatUserId,
    },
    /// The presence of people was written; how they are now says their document.
    Presence {
        /// Who.
        people: Vec<ChatUserId>,
        /// Whether the server that they were at is gone: then it is news as well to the one
        /// that writes this.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        left_behind: bool,
    },
    /// No device of somebody confirmed messages in time: they are to be notified.
    NotificationDue {
        /// Where.
        room: ChatRoomId,
        /// Who.
        user: ChatUserId,
        /// Position of the newest of the messages.
        up_to: Seq,
    },
    /// They have read what they were to be notified of.
    NotificationWithdrawn {
        /// Where.
        room: ChatRoomId,
        /// Who.
        user: ChatUserId,
        /// As it was due.
        up_to: Seq,
    },
    /// A chat user has a name of its own from now on, and its sockets are to end.
    Erased {
        /// The chat user.
        who: ChatUserId,
        /// The user it was of.
        #[serde(with = "stored")]
        user: UserId,
        /// Whether nothing is left to remove: then the application hears of it.
        is_done: bool,
    },
    /// The sockets of a user are to end.
    Ended {
        /// The user's id, as it was given.
        user: String,
    },
}

impl Event {
    /// Whether a server that is gone did it.
    pub fn is_left_behind(&self) -> bool {
        matches!(
            self,
            Self::Presence {
                left_behind: true,
                ..
            }
        )
    }
}

impl Item {
    pub(super) fn to_bson(&self) -> Bson {
        // cannot fail: its fields are ids, numbers, dates and texts
        bson::serialize_to_bson(self).unwrap_or_default()
    }

    pub(super) fn from_raw(document: &RawDocument) -> Option<Self> {
        bson::deserialize_from_slice(document.as_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, doc};

    use super::*;

    #[test]
    fn every_item_is_read_back_and_one_of_a_newer_version_is_left_out() {
        let [a, b] = [(); 2].map(|()| ChatUserId::generate());
        let room = ChatRoomId::generate();
        let at = DateTime::from_millis(8);
        let advanced = |status, oldest| Event::Advanced {
            room,
            reader: a,
            sender: b,
            status,
            newest: 9,
            oldest,
            at,
        };
        let events = [
            advanced(Status::Sent, None),
            advanced(Status::Read, Some(3)),
            Event::Changed {
                room,
                members: [a, b],
                first: 1,
                last: 3,
            },
            Event::ContactAdded {
                room,
                members: [a, b],
            },
            Event::Blocked { by: a, who: b },
            Event::Unblocked { by: a, who: b },
            Event::PrivacySet { by: a },
            Event::Presence {
                people: vec![a, b],
                left_behind: false,
            },
            Event::Presence {
                people: vec![b],
                left_behind: true,
            },
            Event::NotificationDue {
                room,
                user: a,
                up_to: 3,
            },
            Event::NotificationWithdrawn {
                room,
                user: a,
                up_to: 3,
            },
            Event::Ended {
                user: "7".to_owned(),
            },
        ];
        for (number, event) in (1..).zip(events) {
            let item = Item { number, event };
            let bson = item.to_bson();
            let document = RawDocumentBuf::try_from(bson.as_document().unwrap()).unwrap();
            assert_eq!(Item::from_raw(&document), Some(item));
        }
        let newer = doc! { "n": 1_i64, "e": { "danced": { "who": a } } };
        let newer = RawDocumentBuf::try_from(&newer).unwrap();
        assert_eq!(Item::from_raw(&newer), None);
    }
}
