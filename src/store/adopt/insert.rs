//! Filling the new collections. Everything may be done again: what is there stays.

use std::collections::HashSet;
use std::hash::Hash;

use bson::{Bson, Document, RawBsonRef, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use mongodb::error::{Error as DriverError, ErrorKind};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::{Adoption, Kind, Totals, attempt, code, on_a_majority, open};
use crate::domain::{ByMember, Cursors, Head, Members, Position};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::chat_rooms::{ChatRoom, numbers};
use crate::store::error::DUPLICATE_KEY;
use crate::store::scan;
use crate::store::{ChatUser, Error};

/// Codes of MongoDB: there is no such collection, there is one, there is no such index.
const NO_COLLECTION: i32 = 26;
const COLLECTION_EXISTS: i32 = 48;
const NO_INDEX: i32 = 27;

/// The field of a chat room that is not complete, which is counted and removed in the end.
const BECAME_READ: &str = "becameRead";

/// A chat room with its messages counted.
#[derive(Clone, Copy, Debug)]
pub struct NewRoom {
    /// Its id.
    pub id: ChatRoomId,
    /// Its members.
    pub members: Members,
    /// When it was created.
    pub created_at: bson::DateTime,
    /// Its last message.
    pub head: Head,
    /// How far each member has got.
    pub cursors: ByMember<Cursors>,
    /// Unread messages below one that was read.
    pub became_read: u64,
}

impl NewRoom {
    fn document(&self) -> Document {
        let room = ChatRoom {
            id: self.id,
            members: self.members,
            created_at: self.created_at,
            added_by: self.members.one(Position::First),
            cursors: self.cursors,
            rev: 0,
        };
        let mut document = room.as_created();
        let Head { seq, at, counts } = self.head;
        if seq > 0 {
            document.insert("lastSeq", seq);
            document.insert("lastMessageAt", at);
            document.insert("lastCounts", numbers(counts));
            document.insert("logged", seq);
            let mut cursors = Document::new();
            for position in [Position::First, Position::Second] {
                let member = self.members.one(position).to_hex();
                cursors.insert(&*member, stored(self.cursors.of(position)));
            }
            document.insert("cursors", cursors);
        }
        if self.became_read > 0 {
            let count = Seq::try_from(self.became_read).unwrap_or(Seq::MAX);
            document.insert(BECAME_READ, count);
        }
        document
    }
}

/// Cursors as they are stored; nobody knows when they were moved.
fn stored(cursors: &Cursors) -> Document {
    let mut document = doc! { "delivered": cursors.delivered };
    if cursors.sent.seq > 0 {
        document.insert("sent", doc! { "seq": cursors.sent.seq });
    }
    let read = cursors.read;
    if read.seq > 0 {
        let read = doc! { "seq": read.seq, "count": read.count, "after": read.after };
        document.insert("read", read);
    }
    document
}

impl Adoption {
    /// Creates what is to be filled, and the index that the old messages are read by.
    ///
    /// # Errors
    /// When the database refuses or cannot be reached.
    pub async fn prepare(&self) -> Result<(), Error> {
        let names = Kind::ALL.map(|kind| self.places.staged(kind));
        for name in names.into_iter().chain([self.places.rest()]) {
            let create = doc! { "create": name, "writeConcern": on_a_majority() };
            let created = attempt(self.store.database.clone(), create, COLLECTION_EXISTS);
            self.step("adopt.create", created).await?;
        }
        for (kind, indexes) in self.declared() {
            let staged = self.staged(kind);
            self.step("adopt.create_indexes", async move {
                staged.create_indexes(indexes).await.map(drop)
            })
            .await?;
        }
        let old = self.places.of(Kind::Messages);
        let there = self.names_in(&self.source).await?;
        if !there.iter().any(|name| name == old) {
            // an index would create it
            return Ok(());
        }
        let options = IndexOptions::builder().name(self.places.index()).build();
        let keys = doc! { "chatRoom": 1, "createdAt": 1, "_id": 1 };
        let index = IndexModel::builder().keys(keys).options(options).build();
        let old = self.old(Kind::Messages);
        self.step("adopt.create_index", async move {
            old.create_index(index).await.map(drop)
        })
        .await
    }

    /// The declared indexes of the new collections.
    fn declared(&self) -> impl Iterator<Item = (Kind, Vec<IndexModel>)> {
        let declared = self.store.declared().into_iter();
        declared.filter_map(|(name, indexes)| {
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| self.places.of(*kind) == name);
            Some((kind?, indexes))
        })
    }

    /// Removes the index that the old messages are read by.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn drop_index(&self) -> Result<(), Error> {
        let drop_index =
            doc! { "dropIndexes": self.places.of(Kind::Messages), "index": self.places.index() };
        let source = self.source.clone();
        self.step("adopt.drop_index", async move {
            match source.run_command(drop_index).await {
                Err(error) if !matches!(code(&error), Some(NO_INDEX | NO_COLLECTION)) => Err(error),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Removes what was filled, and what was set aside.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn drop_staged(&self) -> Result<(), Error> {
        for kind in Kind::ALL {
            self.drop_new(&self.places.staged(kind)).await?;
        }
        self.drop_new(&self.places.rest()).await
    }

    /// Removes a collection of the new database, if there is one.
    pub(super) async fn drop_new(&self, name: &str) -> Result<(), Error> {
        let collection = open(&self.store.database, name);
        self.step("adopt.drop", async move { collection.drop().await })
            .await
    }

    /// Stores new chat users.
    ///
    /// # Errors
    /// When the database refuses or did not answer.
    pub async fn insert_users(&self, users: &[ChatUser]) -> Result<(), Error> {
        let users = users.iter().map(bson::serialize_to_raw_document_buf);
        let users = users.collect::<Result<_, _>>().map_err(DriverError::from)?;
        self.insert(Kind::ChatUsers, users).await
    }

    /// Stores new chat rooms, whose messages are all stored.
    ///
    /// # Errors
    /// When the database refuses or did not answer.
    pub async fn insert_rooms(&self, rooms: &[NewRoom]) -> Result<(), Error> {
        let rooms = rooms
            .iter()
            .map(|room| RawDocumentBuf::try_from(&room.document()));
        let rooms = rooms.collect::<Result<_, _>>().map_err(DriverError::from)?;
        self.insert(Kind::ChatRooms, rooms).await
    }

    /// Stores new messages.
    ///
    /// # Errors
    /// When the database refuses or did not answer.
    pub async fn insert_messages(&self, messages: Vec<RawDocumentBuf>) -> Result<(), Error> {
        self.insert(Kind::Messages, messages).await
    }

    async fn insert(&self, kind: Kind, documents: Vec<RawDocumentBuf>) -> Result<(), Error> {
        if documents.is_empty() {
            return Ok(());
        }
        let staged = self.staged(kind);
        self.step("adopt.insert", async move {
            match staged.insert_many(documents).ordered(false).await {
                Err(error) if !is_stored(&error) => Err(error),
                _ => Ok(()),
            }
        })
        .await
    }

    /// The last of the new chat users, which are stored in the order of their ids.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_last_user(&self) -> Result<Option<ChatUserId>, Error> {
        let staged = self.staged(Kind::ChatUsers);
        let last = self.step("adopt.find_last_user", async move {
            staged.find_one(doc! {}).sort(doc! { "_id": -1 }).await
        });
        let last = last.await?;
        Ok(last.and_then(|last| ChatUserId::from_raw(last.get("_id").ok()??)))
    }

    /// Lists those of these chat users that are stored.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_users(&self, users: Vec<ChatUserId>) -> Result<HashSet<ChatUserId>, Error> {
        let staged = self.staged(Kind::ChatUsers);
        self.list_ids(staged, users, ChatUserId::from_raw).await
    }

    /// Lists those of these chat rooms that are complete.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_rooms(&self, rooms: Vec<ChatRoomId>) -> Result<HashSet<ChatRoomId>, Error> {
        let staged = self.staged(Kind::ChatRooms);
        self.list_ids(staged, rooms, ChatRoomId::from_raw).await
    }

    pub(super) async fn list_ids<T>(
        &self,
        collection: Collection<RawDocumentBuf>,
        ids: Vec<T>,
        read: fn(RawBsonRef<'_>) -> Option<T>,
    ) -> Result<HashSet<T>, Error>
    where
        T: Into<Bson> + Eq + Hash + Send + 'static,
    {
        let ids: Vec<Bson> = ids.into_iter().map(Into::into).collect();
        self.step("adopt.list_ids", async move {
            let find = collection.find(doc! { "_id": { "$in": ids } });
            let found = find.projection(doc! { "_id": 1 }).await?;
            let found: Vec<RawDocumentBuf> = found.try_collect().await?;
            let id = |found: &RawDocumentBuf| read(found.get("_id").ok()??);
            Ok(found.iter().filter_map(id).collect())
        })
        .await
    }

    /// Counts the new documents.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_new(&self) -> Result<Totals, Error> {
        let mut totals = Totals::default();
        for kind in Kind::ALL {
            let staged = self.staged(kind);
            let counted = async move { staged.count_documents(doc! {}).await };
            *totals.of_mut(kind) = self.step("adopt.count_new", counted).await?;
        }
        Ok(totals)
    }

    /// Adds up how many messages have become read.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_became_read(&self) -> Result<u64, Error> {
        let staged = self.staged(Kind::ChatRooms);
        let sum =
            [doc! { "$group": { "_id": null, "all": { "$sum": format!("${BECAME_READ}") } } }];
        let sums: Vec<RawDocumentBuf> = self
            .step("adopt.count_became_read", async move {
                staged.aggregate(sum).with_type().await?.try_collect().await
            })
            .await?;
        let sum = sums
            .first()
            .and_then(|sum| scan::integer(sum.get("all").ok()??));
        Ok(sum
            .and_then(|sum| u64::try_from(sum).ok())
            .unwrap_or_default())
    }

    /// Removes what the chat rooms say about that.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn forget_became_read(&self) -> Result<(), Error> {
        let staged = self.staged(Kind::ChatRooms);
        let filter = doc! { BECAME_READ: { "$exists": true } };
        let update = doc! { "$unset": { BECAME_READ: "" } };
        self.step("adopt.forget_became_read", async move {
            staged.update_many(filter, update).await.map(drop)
        })
        .await
    }
}

/// Whether all that was refused is there already.
fn is_stored(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::InsertMany(failure) => {
            let refused = failure.write_errors.iter().flatten();
            let mut codes = refused.map(|refused| refused.code);
            failure.write_concern_error.is_none() && codes.all(|code| code == DUPLICATE_KEY)
        }
        _ => false,
    }
}
