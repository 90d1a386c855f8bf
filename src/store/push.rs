//! Who pushes events to the application and how far they are, and the letters: events that
//! were set aside. All of it stands in the bookkeeping collection, in the order of `_id`.

use std::time::Duration;

use bson::{Bson, DateTime, Document, RawDocument, doc};
use mongodb::options::ReturnDocument;

use super::Store;
use super::bulk::BulkWriter;
use super::documents::{Documents, Listing, by_id};
use super::error::Error;
use super::events::{Entry, Occurrence, Place, Subject, What};
use super::raw::FromRaw as _;

/// The document of whoever pushes.
const PUSH: &str = "push";
/// The document of whoever writes notification intents.
const NOTIFY: &str = "notify";
/// What the ids of letters begin with, and what comes behind all of them.
const LETTERS: [&str; 2] = ["letter:", "letter;"];

/// How long storing letters may take; then whoever pushes begins again where they were.
const ADDED_WITHIN: Duration = Duration::from_secs(5);

/// How far the pushing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The last entry of the log of which everything was pushed or set aside.
    pub entry: i64,
    /// When that was written.
    pub at: DateTime,
}

/// What whoever pushes learns when they take the lease or renew it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How far the pushing is; `None` if there never was any.
    pub pushed: Option<Pushed>,
    /// How often somebody asked for a letter to be tried again.
    pub retries: i64,
}

/// An event that was set aside, to be tried again later.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// What happened.
    pub occurrence: Occurrence,
    /// When it was set aside, or asked for again.
    pub since: DateTime,
    /// How often it was refused since.
    pub attempts: i64,
    /// How often it was put off instead, since the receiver had too much to do.
    pub put_off: i64,
    /// When it is tried next.
    pub next_at: DateTime,
    /// Whether it is not tried any more.
    pub is_dead: bool,
    /// Why it was not taken the last time.
    pub reason: String,
}

impl Letter {
    /// A letter that was not tried yet.
    pub fn new(occurrence: Occurrence, now: DateTime, next_at: DateTime, reason: &str) -> Self {
        Self {
            occurrence,
            since: now,
            attempts: 0,
            put_off: 0,
            next_at,
            is_dead: false,
            reason: reason.to_owned(),
        }
    }

    /// Its id: letters about the same sort as they happened.
    pub fn id(&self) -> String {
        let Place { entry, index } = self.occurrence.place;
        format!("{}-{entry:016x}-{index:08x}", self.occurrence.subject())
    }

    fn document(&self) -> Document {
        let Occurrence { place, at, what } = &self.occurrence;
        let mut event = Entry {
            id: place.entry,
            at: *at,
            boot: String::new(),
            messages: Vec::new(),
            items: Vec::new(),
            is_damaged: false,
        };
        match what {
            What::Message(message) => event.messages.push(*message),
            What::Item(item) => event.items.push(item.clone()),
        }
        doc! {
            "_id": format!("{}{}", LETTERS[0], self.id()),
            "event": event.document(),
            "index": i64::from(place.index),
            "since": self.since,
            "attempts": self.attempts,
            "putOff": self.put_off,
            "nextAt": self.next_at,
            "dead": self.is_dead,
            "reason": &self.reason,
        }
    }

    /// Stores it, unless it is there.
    fn statement(&self) -> Document {
        let mut fields = self.document();
        let id = fields.remove("_id").unwrap_or(Bson::Null);
        doc! { "q": by_id(id), "u": { "$setOnInsert": fields }, "upsert": true }
    }

    /// `None` for one of a newer version, or that chatzz did not write.
    fn read(document: &Document) -> Option<Self> {
        let event = document.get_document("event").ok()?;
        let event = bson::RawDocumentBuf::try_from(event).ok()?;
        let event: &RawDocument = &event;
        let entry = Entry::from_raw(event).ok()?;
        let message = entry.messages.first().copied().map(What::Message);
        let item = || entry.items.first().cloned().map(What::Item);
        let date = |name| document.get_datetime(name).ok().copied();
        Some(Self {
            occurrence: Occurrence {
                place: Place {
                    entry: entry.id,
                    index: document.get_i64("index").ok()?.try_into().ok()?,
                },
                at: entry.at,
                what: message.or_else(item)?,
            },
            since: date("since")?,
            attempts: document.get_i64("attempts").ok()?,
            // one of before has none
            put_off: document.get_i64("putOff").unwrap_or_default(),
            next_at: date("nextAt")?,
            is_dead: document.get_bool("dead").ok()?,
            reason: document.get_str("reason").ok()?.to_owned(),
        })
    }
}

impl Store {
    /// Where the state of pushing is kept.
    pub fn pushes(&self) -> Pushes {
        self.state_of(PUSH)
    }

    /// Where the state of writing notification intents is kept.
    pub fn notifying(&self) -> Pushes {
        self.state_of(NOTIFY)
    }

    fn state_of(&self, id: &'static str) -> Pushes {
        Pushes {
            id,
            meta: self.meta.clone(),
            bulk: self.bulk.clone(),
            lease: self.nodes.lease(),
        }
    }
}

/// The state of what one server at a time does with the log.
#[derive(Clone, Debug)]
pub struct Pushes {
    id: &'static str,
    meta: Documents<Document>,
    bulk: BulkWriter,
    lease: Duration,
}

impl Pushes {
    /// How long the lease is valid unless it is renewed.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Takes the lease for a run of a server, or keeps it; `None` while another has it.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn take(&self, boot: &str) -> Result<Option<Held>, Error> {
        let never = doc! { "$setOnInsert": { "boot": "", "expiresAt": DateTime::MIN } };
        match self
            .meta
            .update_one("meta.push_create", by_id(self.id), never, true)
            .await
        {
            // another server was a moment faster
            Ok(_) | Err(Error::Duplicate { .. }) => {}
            Err(error) => return Err(error),
        }
        let free = doc! {
            "_id": self.id,
            "$or": [{ "boot": boot }, { "$expr": { "$lt": ["$expiresAt", "$$NOW"] } }],
        };
        self.update(free, self.renewal(boot)).await
    }

    /// Renews the lease, and notes how far the pushing is; `None` when it is lost.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn renew(&self, boot: &str, pushed: Option<Pushed>) -> Result<Option<Held>, Error> {
        let mut fields = self.renewal(boot);
        if let Some(Pushed { entry, at }) = pushed {
            fields.insert("entry", entry);
            fields.insert("at", at);
        }
        self.update(doc! { "_id": self.id, "boot": boot }, fields)
            .await
    }

    /// Gives the lease up.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn release(&self, boot: &str) -> Result<(), Error> {
        let held = doc! { "_id": self.id, "boot": boot };
        let free = doc! { "$set": { "boot": "", "expiresAt": DateTime::MIN } };
        let released = self.meta.update_one("meta.push_release", held, free, false);
        released.await.map(drop)
    }

    /// Finds up to which entry everything was pushed, if anybody pushed within a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_pushed(&self, within: Duration) -> Result<Option<i64>, Error> {
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        let recent = doc! {
            "_id": self.id,
            "$expr": { "$gte": ["$renewedAt", { "$subtract": ["$$NOW", within] }] },
        };
        let found = self.meta.find_one("meta.push_find", recent).await?;
        Ok(found.map(|found| found.get_i64("entry").unwrap_or_default()))
    }

    fn renewal(&self, boot: &str) -> Document {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! {
            // a pipeline would interpret a name that begins with `$` as a field
            "boot": { "$literal": boot },
            "renewedAt": "$$NOW",
            "expiresAt": { "$add": ["$$NOW", lease] },
        }
    }

    async fn update(&self, filter: Document, fields: Document) -> Result<Option<Held>, Error> {
        let update = vec![doc! { "$set": fields }];
        let updated = self.meta.run("meta.push_renew", |collection| async move {
            collection
                .find_one_and_update(filter, update)
                .return_document(ReturnDocument::After)
                .await
        });
        let updated = updated.await?;
        Ok(updated.map(|held| Held {
            pushed: held.get_i64("entry").ok().map(|entry| Pushed {
                entry,
                at: held.get_datetime("at").copied().unwrap_or(DateTime::MIN),
            }),
            retries: held.get_i64("retries").unwrap_or_default(),
        }))
    }

    /// Stores letters; those that are there stay as they are.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn add_letters(&self, letters: &[Letter]) -> Result<(), Error> {
        let statements = letters.iter().map(Letter::statement).collect();
        // in order: what is cut off has stored no letter without the ones before it, which
        // otherwise would come after it
        let added = self.bulk.update_in_order(
            "meta.add_letters",
            self.meta.name(),
            statements,
            ADDED_WITHIN,
        );
        match added.await?.refused {
            0 => Ok(()),
            // another server stored the same at this moment
            _ => Err(Error::Unconfirmed),
        }
    }

    /// Lists letters behind one of them, in the order of their ids.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_letters(&self, after: &str, limit: i64) -> Result<Vec<Letter>, Error> {
        let [first, end] = LETTERS;
        let range = doc! { "_id": { "$gt": format!("{first}{after}"), "$lt": end } };
        self.list(range, limit).await
    }

    /// Lists the first letters about something that are still to be tried.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_letters_about(
        &self,
        subject: Subject,
        limit: i64,
    ) -> Result<Vec<Letter>, Error> {
        let [first, _] = LETTERS;
        let [from, to] = ['-', '.'].map(|end| format!("{first}{subject}{end}"));
        let range = doc! { "_id": { "$gt": from, "$lt": to }, "dead": false };
        self.list(range, limit).await
    }

    async fn list(&self, range: Document, limit: i64) -> Result<Vec<Letter>, Error> {
        let listing = Listing::of(range, limit).sorted(doc! { "_id": 1 });
        let found = self.meta.list("meta.list_letters", listing).await?;
        Ok(found.iter().filter_map(Letter::read).collect())
    }

    /// Stores what became of a letter.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn update_letter(&self, letter: &Letter) -> Result<(), Error> {
        let mut fields = letter.document();
        let id = fields.remove("_id").unwrap_or(Bson::Null);
        let update = doc! { "$set": fields };
        let updated = self
            .meta
            .update_one("meta.update_letter", by_id(id), update, false);
        updated.await.map(drop)
    }

    /// Removes letters that were taken.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn remove_letters(&self, letters: &[Letter]) -> Result<(), Error> {
        if letters.is_empty() {
            return Ok(());
        }
        let ids = letters
            .iter()
            .map(|one| format!("{}{}", LETTERS[0], one.id()));
        let gone = doc! { "_id": { "$in": ids.collect::<Vec<String>>() } };
        self.remove(gone).await
    }

    /// Removes dead letters that were set aside before a time.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn remove_dead_letters(&self, before: DateTime) -> Result<(), Error> {
        let [first, end] = LETTERS;
        let old = doc! {
            "_id": { "$gt": first, "$lt": end },
            "dead": true,
            "since": { "$lt": before },
        };
        self.remove(old).await
    }

    async fn remove(&self, which: Document) -> Result<(), Error> {
        let removed = self
            .meta
            .run("meta.remove_letters", |collection| async move {
                collection.delete_many(which).await.map(drop)
            });
        removed.await
    }

    /// Has a letter tried again at once, for as long as a new one; returns it, if there is
    /// one of this id.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn retry_letter(&self, id: &str, now: DateTime) -> Result<Option<Letter>, Error> {
        let filter = by_id(format!("{}{id}", LETTERS[0]));
        let anew = doc! { "$set": {
            "dead": false, "since": now, "attempts": 0_i64, "putOff": 0_i64, "nextAt": now,
        } };
        let updated = self.meta.run("meta.retry_letter", |collection| async move {
            collection
                .find_one_and_update(filter, anew)
                .return_document(ReturnDocument::After)
                .await
        });
        let Some(letter) = updated.await?.as_ref().and_then(Letter::read) else {
            return Ok(None);
        };
        let notice = doc! { "$inc": { "retries": 1_i64 } };
        self.meta
            .update_one("meta.push_notice", by_id(self.id), notice, false)
            .await?;
        Ok(Some(letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Counts;
    use crate::id::{ChatRoomId, ChatUserId, MessageId};
    use crate::store::{Event, Item, MessageRef};

    #[test]
    fn a_letter_is_read_back_and_those_of_a_chat_room_sort_as_they_happened() {
        let [a, b] = [(); 2].map(|()| ChatUserId::generate());
        let room = ChatRoomId::generate();
        let message = What::Message(MessageRef {
            room,
            id: MessageId::generate(),
            from: a,
            to: b,
            seq: 1,
            created_at: DateTime::from_millis(3),
            counts: Counts::new(1, 0),
        });
        let event = Event::ContactAdded {
            room,
            members: [a, b],
        };
        let added = What::Item(Item { number: 7, event });
        let letters = [(9, 1, message), (16, 0, added)].map(|(entry, index, what)| {
            let occurrence = Occurrence {
                place: Place { entry, index },
                at: DateTime::from_millis(3),
                what,
            };
            let now = DateTime::from_millis(5);
            Letter::new(occurrence, now, now, "the answer has the status 500")
        });
        let [one, other] = letters.each_ref().map(Letter::id);
        assert!(one < other, "{one} {other}");
        for letter in letters {
            assert_eq!(Letter::read(&letter.document()), Some(letter));
        }
        assert_eq!(Letter::read(&doc! { "_id": "letter:x" }), None);
    }
}
