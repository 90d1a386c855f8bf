//! Frames, and the items that they carry.
//!
//! A frame is its head and its sealed content. The head is a byte for the version, the
//! counter `n` (eight bytes, the highest first), and the boot id of the sender with its
//! length before it (one byte). The content is the items, one BSON document after the
//! other; a receiver leaves out those that it does not know, of a later version.

use std::fmt;

use bson::RawDocumentBuf;
use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::Message;
use crate::id::ChatUserId;
use crate::store::{FromRaw as _, Item as Event};

/// Longest frame that is opened, 512 KiB: half of what NATS accepts by default.
pub(super) const MAX_FRAME_BYTES: usize = 512 * 1024;
/// Longest item. Head and seal of a frame have room beside it.
pub(super) const MAX_ITEM_BYTES: usize = MAX_FRAME_BYTES - 1024;
/// Content of a frame that is not added to, 64 KiB.
pub(super) const FULL_FRAME_BYTES: usize = 64 * 1024;

/// The version of frames; those of another one are left unopened.
const VERSION: u8 = 1;
/// Shortest BSON document: its length and the zero at its end.
const MIN_ITEM_BYTES: usize = 5;

/// What one server tells another one.
///
/// An item must be harmless when it is lost, when it comes twice by another way, and when
/// it comes late: MongoDB says what is true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// A message was stored.
    Stored(Box<Carried>),
    /// Something else happened that is going to be in the log of events.
    Happened(Event),
    /// Somebody is typing, or has stopped.
    Typing(Direct),
    /// The front end of somebody sent something that is not stored.
    Signal(Direct),
    /// The sender is there, and all that it sent before has a lower number. It sends this to
    /// itself as well. Never handed to a [`super::Receive`].
    Beat,
}

/// A message as it is stored.
#[derive(Clone, PartialEq)]
pub struct Carried(pub Message);

impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = RawDocumentBuf::deserialize(deserializer)?;
        let message = Message::from_raw(&document).map_err(Error::custom)?;
        Ok(Self(message))
    }
}

/// Without the text.
impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Carried").field(&self.0.id).finish()
    }
}

/// A finished envelope for the sockets of one person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// Who caused it.
    pub from: ChatUserId,
    /// Whose sockets it is for.
    pub to: ChatUserId,
    /// The envelope, as JSON.
    pub envelope: String,
}

/// Without the envelope, which may hold what people wrote.
impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl Item {
    /// The item as bytes; `None` when it is too long for any frame.
    pub(super) fn encode(&self) -> Option<Bytes> {
        // a document for every kind, also for one without fields
        let document = Sent { item: self };
        let bytes = bson::serialize_to_vec(&document).ok()?;
        (bytes.len() <= MAX_ITEM_BYTES).then(|| bytes.into())
    }
}

#[derive(Serialize)]
struct Sent<'a> {
    item: &'a Item,
}

#[derive(Deserialize)]
struct Received {
    item: Item,
}

/// The items of a frame's content, and how many cannot be read.
pub(super) fn decode(content: &[u8]) -> (Vec<Item>, u64) {
    let mut items = Vec::new();
    let mut unreadable = 0;
    let mut rest = content;
    while !rest.is_empty() {
        let Some((document, more)) = split_document(rest) else {
            // nobody can say where the next one begins
            return (items, unreadable + 1);
        };
        match read(document) {
            Some(item) => items.push(item),
            None => unreadable += 1,
        }
        rest = more;
    }
    (items, unreadable)
}

fn split_document(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?);
    let length = usize::try_from(length).ok()?;
    if length < MIN_ITEM_BYTES {
        return None;
    }
    bytes.split_at_checked(length)
}

fn read(document: &[u8]) -> Option<Item> {
    let received: Received = bson::deserialize_from_slice(document).ok()?;
    Some(received.item)
}

/// The part of a frame that is not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// The number of the frame in its direction: 1, 2, 3 …
    pub(super) n: u64,
    /// The boot id of the sender, at most 255 bytes.
    pub(super) from: &'a str,
}

impl<'a> Head<'a> {
    pub(super) fn len(&self) -> usize {
        1 + 8 + 1 + self.from.len()
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.n.to_be_bytes());
        // a node's name has 128 bytes at most; a longer one would not be opened
        bytes.push(u8::try_from(self.from.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(self.from.as_bytes());
    }

    /// Takes a frame apart; `None` for what is not one of this version.
    pub(super) fn read(frame: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (version, rest) = frame.split_first()?;
        let (n, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (from, sealed) = rest.split_at_checked(usize::from(*length))?;
        let n = u64::from_be_bytes(*n);
        let from = std::str::from_utf8(from).ok()?;
        (*version == VERSION).then_some((Self { n, from }, sealed))
    }
}

#[cfg(test)]
mod tests {
    use bson::DateTime;

    use super::*;
    use crate::domain::Counts;
    use crate::id::{ChatRoomId, MessageId};
    use crate::store::Event as Happened;

    fn direct(envelope: &str) -> Direct {
        Direct {
            from: ChatUserId::generate(),
            to: ChatUserId::generate(),
            envelope: envelope.to_owned(),
        }
    }

    fn stored(text: &str, client_id: Option<&str>) -> Item {
        let message = Message {
            id: MessageId::generate(),
            chat_room: ChatRoomId::generate(),
            seq: 7,
            from: ChatUserId::generate(),
            to: ChatUserId::generate(),
            message: text.to_owned(),
            kind: client_id.map(|_| "wave".to_owned()),
            data: client_id.map(|_| "{}".to_owned()),
            created_at: DateTime::from_millis(1_700_000_000_123),
            counts: Counts::new(4, 3),
            client_id: client_id.map(str::to_owned),
            via: client_id.map(|_| "shop".to_owned()),
            sent_at: client_id.map(|_| DateTime::from_millis(1_700_000_000_124)),
            read_at: None,
            rev: None,
            redacted: false,
            asked: None,
        };
        Item::Stored(Box::new(Carried(message)))
    }

    #[test]
    fn items_come_out_as_they_went_in() {
        let event = Event {
            number: 9,
            event: Happened::Presence {
                people: vec![ChatUserId::generate()],
                left_behind: false,
            },
        };
        let items = [
            stored("hello", None),
            stored("", Some("k")),
            Item::Happened(event),
            Item::Typing(direct(r#"{"type":"user-typing"}"#)),
            Item::Beat,
            Item::Signal(direct("ü")),
        ];
        let content: Vec<u8> = items
            .iter()
            .flat_map(|item| item.encode().unwrap())
            .collect();
        assert_eq!(decode(&content), (items.to_vec(), 0));
        assert_eq!(decode(&[]), (Vec::new(), 0));
    }

    #[test]
    fn an_item_of_a_later_version_is_left_out_and_the_others_are_read() {
        let beat = Item::Beat.encode().unwrap();
        let later = bson::doc! { "item": { "hologram": { "x": 1 } } };
        let later = bson::serialize_to_vec(&later).unwrap();
        let content = [&beat[..], &later, &beat].concat();
        assert_eq!(decode(&content), (vec![Item::Beat, Item::Beat], 1));
    }

    #[test]
    fn what_is_cut_or_no_item_is_counted_and_harmless() {
        let beat = Item::Beat.encode().unwrap();
        for length in 1..beat.len() {
            let content = [&beat[..], &beat[..length]].concat();
            assert_eq!(decode(&content), (vec![Item::Beat], 1), "{length}");
        }
        for wrong in [&[0, 0, 0, 0, 0][..], &[255; 9], &[5, 0, 0, 0, 0]] {
            assert_eq!(decode(wrong), (Vec::new(), 1), "{wrong:?}");
        }
    }

    #[test]
    fn what_fits_in_no_frame_is_not_made() {
        let long = "x".repeat(MAX_ITEM_BYTES);
        assert_eq!(Item::Signal(direct(&long)).encode(), None);
    }

    #[test]
    fn nothing_written_by_people_is_shown() {
        for item in [Item::Signal(direct("geheim")), stored("geheim", None)] {
            assert!(!format!("{item:?}").contains("geheim"));
        }
    }
}
