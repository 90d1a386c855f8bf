//! The log of events: what all servers did, in one order.
//!
//! `{_id: 1, 2, 3 … without a gap, at, boot, m, x}`. `m` packs references to stored
//! messages, [`MessageRef`]; `x` has everything else, [`Item`]. No text of a message is in
//! it, and nothing that is not stored elsewhere: whoever reads it fetches what it names.

mod item;
mod occurrence;
mod queue;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, RawBsonRef, RawDocument, doc};

use super::documents::{Documents, Listing};
use super::error::Error;
use super::messages;
use super::raw::{FromRaw, Unreadable};
use super::scan::integer;
use crate::domain::{Counts, Message, Position};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
pub use item::{Event, Item};
pub use occurrence::{Occurrence, Place, Subject, What};
pub use queue::{EventQueue, Listener, Pending};

/// Bytes of a packed reference.
const REF_BYTES: usize = 72;

/// A reference to a stored message, without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef {
    /// The chat room.
    pub room: ChatRoomId,
    /// The message.
    pub id: MessageId,
    /// Who sent it.
    pub from: ChatUserId,
    /// Who receives it; [`ChatUserId::NOBODY`] when it is withheld.
    pub to: ChatUserId,
    /// Its position.
    pub seq: Seq,
    /// When it was stored.
    pub created_at: DateTime,
    /// How many messages each member had sent by then.
    pub counts: Counts,
}

impl From<&Message> for MessageRef {
    fn from(message: &Message) -> Self {
        Self {
            room: message.chat_room,
            id: message.id,
            from: message.from,
            to: message.to,
            seq: message.seq,
            created_at: message.created_at,
            counts: message.counts,
        }
    }
}

impl MessageRef {
    /// Four ids of 12 bytes, position and time as 8 bytes each, and two counts of 4 bytes,
    /// all big-endian.
    fn pack(&self, into: &mut Vec<u8>) {
        into.extend(self.room.bytes());
        into.extend(self.id.bytes());
        into.extend(self.from.bytes());
        into.extend(self.to.bytes());
        into.extend(self.seq.to_be_bytes());
        into.extend(self.created_at.timestamp_millis().to_be_bytes());
        for position in [Position::First, Position::Second] {
            let count = u32::try_from(*self.counts.of(position)).unwrap_or(u32::MAX);
            into.extend(count.to_be_bytes());
        }
    }

    fn unpack(packed: &[u8]) -> Option<Self> {
        let mut rest = packed;
        let reference = Self {
            room: ChatRoomId::from_bytes(take(&mut rest)?),
            id: MessageId::from_bytes(take(&mut rest)?),
            from: ChatUserId::from_bytes(take(&mut rest)?),
            to: ChatUserId::from_bytes(take(&mut rest)?),
            seq: i64::from_be_bytes(take(&mut rest)?),
            created_at: DateTime::from_millis(i64::from_be_bytes(take(&mut rest)?)),
            counts: Counts::new(
                u32::from_be_bytes(take(&mut rest)?).into(),
                u32::from_be_bytes(take(&mut rest)?).into(),
            ),
        };
        rest.is_empty().then_some(reference)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>()?;
    *rest = others;
    Some(*first)
}

impl FromRaw for MessageRef {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let of = |name: &'static str| {
            let value = document.get(name)?;
            value.ok_or(Unreadable::Field(name))
        };
        let or = |name| Unreadable::Field(name);
        Ok(Self {
            room: ChatRoomId::from_raw(of("chatRoom")?).ok_or(or("chatRoom"))?,
            id: MessageId::from_raw(of("_id")?).ok_or(or("_id"))?,
            from: ChatUserId::from_raw(of("from")?).ok_or(or("from"))?,
            to: ChatUserId::from_raw(of("to")?).ok_or(or("to"))?,
            seq: integer(of("seq")?).ok_or(or("seq"))?,
            created_at: of("createdAt")?.as_datetime().ok_or(or("createdAt"))?,
            counts: messages::counts(of("counts")?).ok_or(or("counts"))?,
        })
    }
}

/// One document of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its position: 1, 2, 3 … without a gap.
    pub id: i64,
    /// When it was written, by its server's clock.
    pub at: DateTime,
    /// The run of the server that wrote it.
    pub boot: String,
    /// Messages that were stored, those of a chat room in the order of their positions.
    pub messages: Vec<MessageRef>,
    /// Everything else that happened.
    pub items: Vec<Item>,
    /// Whether its messages could not be read, as those of a newer version perhaps.
    pub is_damaged: bool,
}

impl Entry {
    pub(in crate::store) fn document(&self) -> Document {
        let mut packed = Vec::with_capacity(self.messages.len() * REF_BYTES);
        for reference in &self.messages {
            reference.pack(&mut packed);
        }
        let mut document = doc! { "_id": self.id, "at": self.at, "boot": &self.boot };
        if !packed.is_empty() {
            document.insert(
                "m",
                Binary {
                    subtype: BinarySubtype::Generic,
                    bytes: packed,
                },
            );
        }
        if !self.items.is_empty() {
            let items: Vec<Bson> = self.items.iter().map(Item::to_bson).collect();
            document.insert("x", items);
        }
        document
    }
}

impl FromRaw for Entry {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let field = |name| document.get(name);
        let id = field("_id")?.and_then(RawBsonRef::as_i64);
        let at = field("at")?.and_then(RawBsonRef::as_datetime);
        let boot = field("boot")?.and_then(RawBsonRef::as_str);
        let is_named = at.is_some() && boot.is_some();
        let packed = field("m")?.and_then(RawBsonRef::as_binary);
        let packed = packed.map(|packed| packed.bytes).unwrap_or_default();
        let messages = packed.chunks(REF_BYTES).map(MessageRef::unpack);
        let messages: Option<Vec<MessageRef>> = messages.collect();
        let mut items = Vec::new();
        if let Some(all) = field("x")?.and_then(RawBsonRef::as_array) {
            for item in all {
                // of a newer version, perhaps: what it is about is found without it
                items.extend(item?.as_document().and_then(Item::from_raw));
            }
        }
        Ok(Self {
            id: id.ok_or(Unreadable::Field("_id"))?,
            at: at.unwrap_or(DateTime::MIN),
            boot: boot.unwrap_or_default().to_owned(),
            is_damaged: messages.is_none() || !is_named,
            messages: messages.unwrap_or_default(),
            items,
        })
    }
}

/// The log. Its only index is `_id_`.
#[derive(Clone, Debug)]
pub struct Events {
    documents: Documents<Entry>,
}

impl Events {
    pub(super) fn new(documents: Documents<Entry>) -> Self {
        Self { documents }
    }

    /// Writes an entry; `false` when its position is taken.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer; then it may be written.
    pub async fn append(&self, entry: &Entry) -> Result<bool, Error> {
        let document = entry.document();
        let inserted = self
            .documents
            .run("events.append", |collection| async move {
                let collection = collection.clone_with_type::<Document>();
                collection.insert_one(document).await.map(drop)
            })
            .await;
        match inserted {
            Ok(()) => Ok(true),
            Err(Error::Duplicate { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lists the entries from a position on, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_from(&self, id: i64, limit: i64) -> Result<Vec<Entry>, Error> {
        let listing = Listing::of(doc! { "_id": { "$gte": id } }, limit);
        let listing = listing.sorted(doc! { "_id": 1 });
        self.documents.list("events.list_from", listing).await
    }

    /// Removes the entries up to a position.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn remove_up_to(&self, id: i64) -> Result<(), Error> {
        let old = doc! { "_id": { "$lte": id } };
        self.documents
            .run("events.remove_up_to", |collection| async move {
                collection.delete_many(old).await.map(drop)
            })
            .await
    }

    /// Finds the oldest entry.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_first(&self) -> Result<Option<Entry>, Error> {
        Ok(self.list_from(1, 1).await?.pop())
    }

    /// Finds the last of the entries from `first` to `last` that was written before a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_last_before(
        &self,
        before: DateTime,
        first: i64,
        last: i64,
    ) -> Result<Option<Entry>, Error> {
        // positions have no gap, and times hardly ever go back: the border is found by halves
        let (mut old, mut new) = (first - 1, last + 1);
        let mut found = None;
        while new - old > 1 {
            let middle = old + (new - old) / 2;
            let entry = self.list_from(middle, 1).await?.pop();
            match entry {
                Some(entry) if entry.at < before => {
                    old = middle;
                    found = Some(entry);
                }
                _ => new = middle,
            }
        }
        Ok(found)
    }

    /// Finds the newest entry.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_last(&self) -> Result<Option<Entry>, Error> {
        let newest = doc! { "_id": -1 };
        self.documents
            .find_first("events.find_last", Document::new(), newest)
            .await
    }
}

#[cfg(test)]
mod tests {
    use bson::RawDocumentBuf;

    use super::*;

    #[test]
    fn an_entry_is_read_back_as_it_was_written() {
        let [room, other] = [(); 2].map(|()| ChatRoomId::generate());
        let reference = |room, seq| MessageRef {
            room,
            id: MessageId::generate(),
            from: ChatUserId::generate(),
            to: ChatUserId::NOBODY,
            seq,
            created_at: DateTime::from_millis(1_700_000_000_123),
            counts: Counts::new(seq, 7),
        };
        let entry = Entry {
            id: 9,
            at: DateTime::from_millis(5),
            boot: "one#2".to_owned(),
            messages: vec![
                reference(room, 1),
                reference(other, i64::MAX),
                reference(room, 2),
            ],
            items: Vec::new(),
            is_damaged: false,
        };
        let document = RawDocumentBuf::try_from(&entry.document()).unwrap();
        assert_eq!(document.get_binary("m").unwrap().bytes.len(), 3 * REF_BYTES);
        let back = Entry::from_raw(&document).unwrap();
        assert_eq!((back.id, back.at), (entry.id, entry.at));
        assert_eq!(back.boot, entry.boot);
        // a count of four bytes cannot hold the largest position, and never has to
        assert_eq!(back.messages.first(), entry.messages.first());
        assert_eq!(back.messages.last(), entry.messages.last());

        let cut = doc! { "_id": 1_i64, "at": entry.at, "boot": "a", "m": Binary {
            subtype: BinarySubtype::Generic,
            bytes: vec![0; REF_BYTES + 1],
        } };
        let cut = RawDocumentBuf::try_from(&cut).unwrap();
        let cut = Entry::from_raw(&cut).unwrap();
        assert!(
            cut.is_damaged && cut.messages.is_empty(),
            "and stops nobody"
        );
    }
}
