//! What cannot be taken over is set aside as it is, with the reason, and counted.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use super::twins::{Twins, is_of_two, is_with_oneself};
use super::{Adoption, Kind, open};
use crate::id::ChatRoomId;
use crate::store::Error;
use crate::store::documents::collect;
use crate::store::raw;

/// Why a document is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A field is missing or of another type.
    Malformed,
    /// Another chat user of the same person, or another chat room of the same pair, has
    /// taken it in.
    Merged,
    /// A chat room with oneself, or a message to oneself.
    ToOneself,
    /// A member of the chat room has no chat user.
    MemberMissing,
    /// A message of a chat room that does not exist.
    WithoutRoom,
    /// A message of a chat room that is set aside itself.
    RoomSetAside,
    /// A message whose sender and receiver are not the members of its chat room.
    Stranger,
    /// A message of more than 64 KiB.
    TooLong,
}

impl Reason {
    /// The name in what is set aside, and in reports.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }

    /// What it says about documents of a kind.
    pub const fn sentence(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Malformed, _) => "with a field that is missing or of another type",
            (Self::Merged, Kind::ChatUsers) => "of a person who has an older one, merged into it",
            (Self::Merged, _) => "of a pair that has an older one, merged into it",
            (Self::ToOneself, Kind::Messages) => "to oneself",
            (Self::ToOneself, _) => "with oneself",
            (Self::MemberMissing, _) => "with a member who has no chat user",
            (Self::WithoutRoom, _) => "of a chat room that does not exist",
            (Self::RoomSetAside, _) => "of a chat room that is set aside",
            (Self::Stranger, _) => "whose sender and receiver are not the members of the chat room",
            (Self::TooLong, _) => "of more than 64 KiB",
        }
    }
}

/// Which documents.
#[derive(Clone, Debug)]
pub enum Which<'a> {
    /// Those with these `_id`s.
    Ids(Vec<Bson>),
    /// Those whose `_id` is no id.
    WithoutId,
    /// The messages of the chat rooms that they name so, whatever these are.
    OfRooms(Vec<Bson>),
    /// Chat rooms whose members are all the same person, and none of these people.
    WithOneself(&'a Twins),
    /// Chat rooms whose members are not people, and none of these.
    WithoutMembers(&'a Twins),
}

impl Which<'_> {
    fn filter(self) -> Document {
        match self {
            Self::Ids(ids) => doc! { "_id": { "$in": ids } },
            Self::WithoutId => doc! { "_id": { "$not": { "$type": "objectId" } } },
            Self::OfRooms(rooms) => doc! { "chatRoom": { "$in": rooms } },
            Self::WithOneself(twins) => {
                doc! { "$and": [twins.others(), { "$expr": is_with_oneself() }] }
            }
            Self::WithoutMembers(twins) => {
                let neither = doc! { "$or": [is_of_two(), is_with_oneself()] };
                doc! { "$and": [twins.others(), { "$expr": { "$not": [neither] } }] }
            }
        }
    }
}

/// How many documents of a kind are set aside for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetAside {
    /// What they are.
    pub kind: Kind,
    /// Why.
    pub reason: Reason,
    /// How many.
    pub count: u64,
}

raw::by_serde!(SetAside);

impl Adoption {
    /// Sets old documents aside as they are. What is set aside already stays so.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn set_aside(
        &self,
        kind: Kind,
        which: Which<'_>,
        reason: Reason,
    ) -> Result<(), Error> {
        let old = self.old(kind);
        let rest = doc! { "db": self.store.database.name(), "coll": self.places.rest() };
        let stages = [
            doc! { "$match": which.filter() },
            doc! { "$replaceWith": {
                "_id": { "from": kind.name(), "id": "$_id" },
                "reason": reason.name(),
                "document": "$$ROOT",
            } },
            doc! { "$merge": { "into": rest, "whenMatched": "keepExisting" } },
        ];
        self.step("adopt.set_aside", async move {
            old.aggregate(stages).await.map(drop)
        })
        .await
    }

    /// Counts old documents, for a look that writes nothing.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_old(&self, kind: Kind, which: Which<'_>) -> Result<u64, Error> {
        let (old, filter) = (self.old(kind), which.filter());
        self.step("adopt.count_old", async move {
            old.count_documents(filter).await
        })
        .await
    }

    /// Lists those of these chat rooms that are merged into others.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_merged(&self, rooms: &[ChatRoomId]) -> Result<Vec<ChatRoomId>, Error> {
        let ids = rooms.iter();
        let ids = ids.map(|room| doc! { "from": Kind::ChatRooms.name(), "id": *room });
        let filter =
            doc! { "_id": { "$in": ids.collect::<Vec<_>>() }, "reason": Reason::Merged.name() };
        let rest = open(&self.store.database, &self.places.rest());
        let found: Vec<RawDocumentBuf> = self
            .step("adopt.list_merged", async move {
                let find = rest.find(filter).projection(doc! { "_id": 1 });
                find.await?.try_collect().await
            })
            .await?;
        let id = |found: &RawDocumentBuf| {
            ChatRoomId::from_raw(found.get_document("_id").ok()?.get("id").ok()??)
        };
        Ok(found.iter().filter_map(id).collect())
    }

    /// Counts what is set aside, by kind and reason.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_set_aside(&self) -> Result<Vec<SetAside>, Error> {
        let rest = open(&self.store.database, &self.places.rest());
        let stages = [
            doc! { "$group": {
                "_id": { "kind": "$_id.from", "reason": "$reason" },
                "count": { "$sum": 1_i64 },
            } },
            doc! { "$project": {
                "_id": 0, "kind": "$_id.kind", "reason": "$_id.reason", "count": 1,
            } },
        ];
        let counted: Vec<SetAside> = self
            .step("adopt.count_set_aside", async move {
                collect(rest.aggregate(stages).await?).await
            })
            .await?;
        Ok(counted)
    }
}
