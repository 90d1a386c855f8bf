//! Documents in the driver's buffer, read in place.
//!
//! The documents that answers consist of (messages, chat rooms, chat users) are read
//! field by field: serde reads each date and each id as a map of one entry, which was a
//! fifth of the server's work for a page of history. Documents that are seldom read are
//! left to serde.

use std::sync::atomic::{AtomicBool, Ordering};

use bson::raw::RawElement;
use bson::spec::ElementType;
use bson::{RawBson, RawBsonRef, RawDocument};
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as ValueError, StrDeserializer};

/// Types that documents can be read as.
pub trait FromRaw: Sized {
    /// Reads a document; unknown fields are skipped.
    ///
    /// # Errors
    /// When a required field is missing, or of another type.
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable>;
}

/// A document that does not have the form that chatzz writes.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A field is missing or of another type.
    #[error("a stored document has no readable field `{0}`")]
    Field(&'static str),
    /// Its bytes are not a document.
    #[error("a stored document cannot be read: {0}")]
    Malformed(#[from] bson::error::Error),
}

/// Reads types by their `Deserialize`.
macro_rules! by_serde {
    ($($name:ty),*) => {$(
        impl crate::store::raw::FromRaw for $name {
            fn from_raw(
                document: &bson::RawDocument,
            ) -> Result<Self, crate::store::raw::Unreadable> {
                Ok(bson::deserialize_from_slice(document.as_bytes())?)
            }
        }
    )*};
}
pub(super) use by_serde;

by_serde!(bson::Document);

/// A text that names one of several values.
pub(super) fn named<'de, T: Deserialize<'de>>(value: RawBsonRef<'de>) -> Option<T> {
    let text: StrDeserializer<'de, ValueError> = value.as_str()?.into_deserializer();
    T::deserialize(text).ok()
}

/// A text.
pub(super) fn text(value: RawBsonRef<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A text that may contain bytes that are not UTF-8, since MongoDB does not check what
/// others store.
pub(super) enum Text {
    /// It contains none.
    Whole(String),
    /// It did; U+FFFD stands in their place.
    Mended(String),
}

impl Text {
    /// Reads a text; `None` for anything else.
    pub(super) fn of(field: &RawElement<'_>) -> Option<Self> {
        match field.value() {
            Ok(value) => text(value).map(Self::Whole),
            Err(_) if field.element_type() == ElementType::String => {
                match field.value_utf8_lossy().ok()? {
                    RawBson::String(text) => Some(Self::Mended(text)),
                    _ => None,
                }
            }
            Err(_) => None,
        }
    }
}

/// Counts a text that was not UTF-8, and says so the first time.
pub(super) fn note_mended(id: impl std::fmt::Display) {
    static SAID: AtomicBool = AtomicBool::new(false);
    metrics::counter!("chatzz_texts_not_utf8_total").increment(1);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            message = %id,
            "a stored text is not UTF-8: it is shown with U+FFFD, and further ones are only counted"
        );
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, RawDocumentBuf, doc, oid::ObjectId};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Counts, Cursors, Message, ReadCursor, SentCursor};
    use crate::id::{ChatRoomId, ChatUserId, MessageId, UserId};
    use crate::store::{ChatRoom, ChatUser, PresenceStatus};

    fn read<T: FromRaw>(document: &bson::Document) -> Result<T, Unreadable> {
        T::from_raw(&RawDocumentBuf::try_from(document).unwrap())
    }

    fn message() -> Message {
        let at = DateTime::from_millis(1_700_000_000_123);
        Message {
            id: MessageId::generate(),
            chat_room: ChatRoomId::generate(),
            from: ChatUserId::generate(),
            to: ChatUserId::generate(),
            message: "what was said".to_owned(),
            kind: Some("location".to_owned()),
            data: Some(r#"{"lat":1.50}"#.to_owned()),
            created_at: at,
            seq: 4711,
            counts: Counts::new(4000, 700),
            client_id: Some("a key".to_owned()),
            sent_at: Some(at),
            read_at: None,
            rev: None,
            redacted: false,
            asked: None,
            via: Some("shop".to_owned()),
        }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let stored = bson::serialize_to_document(&message()).unwrap();
        let back: Message = read(&stored).unwrap();
        assert_eq!(bson::serialize_to_document(&back).unwrap(), stored);
        let user = ChatUser {
            id: ChatUserId::generate(),
            user: UserId::Int(7),
            status: PresenceStatus::Online,
            last_online: Some(DateTime::from_millis(5)),
            nodes: vec!["a".to_owned(), "b".to_owned()],
            changed_at: Some(DateTime::from_millis(6)),
            changed_by: Some("a".to_owned()),
        };
        let stored = bson::serialize_to_document(&user).unwrap();
        let back: ChatUser = read(&stored).unwrap();
        assert_eq!(bson::serialize_to_document(&back).unwrap(), stored);
    }

    #[test]
    fn cursors_are_read_for_the_members_in_their_order() {
        let [a, b, stranger] = [(); 3].map(|()| ChatUserId::generate());
        let at = DateTime::from_millis(7);
        let room: ChatRoom = read(&doc! {
            "_id": ChatRoomId::generate(),
            "chatUsers": [a, b],
            "createdAt": DateTime::from_millis(1),
            "addedBy": b,
            "cursors": {
                &*stranger.to_hex(): { "delivered": 1_i64 },
                &*b.to_hex(): { "delivered": 9_i32, "sent": { "seq": 8_i64, "at": at } },
                &*a.to_hex(): {
                    "delivered": 4_i64,
                    "read": { "seq": 3_i64, "count": 2_i32, "after": 1_i64, "at": at },
                },
            },
        })
        .unwrap();
        let cursors = [a, b, stranger].map(|one| room.cursors(one));
        assert_eq!(cursors.map(|one| one.delivered), [4, 9, 0]);
        let read = ReadCursor {
            seq: 3,
            count: 2,
            after: 1,
            at: Some(at),
        };
        assert_eq!(cursors[0].read, read);
        let sent = SentCursor {
            seq: 8,
            at: Some(at),
        };
        assert_eq!((cursors[1].sent, cursors[2]), (sent, Cursors::default()));
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        let whole = bson::serialize_to_document(&message()).unwrap();
        let needed = [
            "_id",
            "chatRoom",
            "from",
            "to",
            "message",
            "createdAt",
            "counts",
            "seq",
        ];
        for field in needed {
            for wrong in [Some(Bson::Boolean(true)), Some(Bson::Null), None] {
                let mut document = whole.clone();
                document.remove(field);
                document.extend(wrong.map(|wrong| (field.to_owned(), wrong)));
                let error = read::<Message>(&document).unwrap_err();
                assert!(error.to_string().contains(field), "{error}");
            }
        }
        let mut document = whole;
        for wrong in [vec![1_i64], vec![1, 2, 3]] {
            document.insert("counts", wrong);
            assert!(read::<Message>(&document).is_err());
        }
    }

    #[test]
    fn no_value_where_there_may_be_none_is_none() {
        let mut document = bson::serialize_to_document(&message()).unwrap();
        for field in ["clientId", "sentAt", "readAt", "kind", "data"] {
            document.insert(field, Bson::Null);
        }
        let back: Message = read(&document).unwrap();
        let none = (back.client_id, back.sent_at, back.read_at);
        assert_eq!(none, (None, None, None));
        assert_eq!((back.kind, back.data), (None, None));
    }

    fn any_value() -> impl Strategy<Value = Bson> {
        let names = ["online", "sent", "read", "65a000000000000000000001", ""];
        prop_oneof![
            Just(Bson::Null),
            any::<bool>().prop_map(Bson::from),
            any::<i32>().prop_map(Bson::from),
            any::<i64>().prop_map(Bson::from),
            any::<f64>().prop_map(Bson::from),
            any::<i64>().prop_map(|at| DateTime::from_millis(at).into()),
            any::<[u8; 12]>().prop_map(|id| ObjectId::from_bytes(id).into()),
            proptest::sample::select(names.to_vec()).prop_map(Bson::from),
            proptest::collection::vec(any::<[u8; 12]>(), 0..4)
                .prop_map(|ids| ids.into_iter().map(ObjectId::from_bytes).collect()),
            any::<i64>().prop_map(|seq| doc! { "x": { "delivered": seq } }.into()),
        ]
    }

    /// Complete documents, one of each kind.
    fn whole() -> [bson::Document; 3] {
        let [a, b] = [(); 2].map(|()| ChatUserId::generate());
        let at = DateTime::from_millis(1);
        [
            bson::serialize_to_document(&message()).unwrap(),
            doc! {
                "_id": ChatRoomId::generate(), "chatUsers": [a, b], "createdAt": at, "addedBy": b,
                "cursors": { &*a.to_hex(): { "delivered": 3 } },
            },
            doc! {
                "_id": a, "user": "alice", "status": "offline", "lastOnline": at, "nodes": ["n"],
                "changedAt": at, "changedBy": "n",
            },
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_stored_breaks_nothing(
            kind in 0..3_usize,
            changes in proptest::collection::vec((any::<usize>(), any_value()), 0..4),
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut document = whole()[kind].clone();
            let fields: Vec<String> = document.keys().cloned().collect();
            for (field, value) in changes {
                document.insert(fields[field % fields.len()].clone(), value);
            }
            let id = document.get("_id").and_then(Bson::as_object_id).map(Bson::from);
            let (message, room, user) = (
                read::<Message>(&document).map(|message| message.id.into()),
                read::<ChatRoom>(&document).map(|room| room.id.into()),
                read::<ChatUser>(&document).map(|user| user.id.into()),
            );
            // read as its own type, by its own id, or not at all
            for (number, read) in [message, room, user].into_iter().enumerate() {
                let read: Option<Bson> = read.ok();
                prop_assert!(read.is_none() || (number == kind && read == id));
            }
            // bytes as from a broken disk
            let length = i32::try_from(bytes.len() + 5).unwrap().to_le_bytes();
            let broken = [&length, bytes.as_slice(), &[0]].concat();
            if let Ok(broken) = bson::RawDocument::from_bytes(&broken) {
                let read = [
                    Message::from_raw(broken).is_ok(),
                    ChatRoom::from_raw(broken).is_ok(),
                    ChatUser::from_raw(broken).is_ok(),
                ];
                prop_assert_eq!(read, [false; 3]);
            }
        }
    }
}
