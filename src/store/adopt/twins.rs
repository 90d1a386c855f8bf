//! People who have several chat users: the oldest of them stands for all.
//!
//! A unique index of chatzz 1.x keeps them out, unless it could not be created. What MongoDB
//! can say of a chat room does not hold for theirs, so these are read and grouped here.

use std::collections::{BTreeMap, HashMap, HashSet};

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawArray, RawBsonRef, RawDocument, doc};
use mongodb::options::FindOptions;

use super::read::Pair;
use super::{Adoption, Kind};
use crate::domain::Members;
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::Error;
use crate::store::documents::collect;
use crate::store::scan;

/// Chat users who are the same person as an older one, by their ids.
#[derive(Clone, Debug, Default)]
pub struct Twins(HashMap<ChatUserId, ChatUserId>);

/// The chat rooms with one of these people.
#[derive(Clone, Debug, Default)]
pub struct TwinRooms {
    /// Those of two people, which may have several.
    pub pairs: Vec<Pair>,
    /// Those with oneself, by `_id`.
    pub with_oneself: Vec<Bson>,
    /// Those whose members are not people, by `_id`.
    pub malformed: Vec<Bson>,
}

/// Who is in an old chat room.
enum Membership {
    Two(Members),
    Oneself,
    Malformed,
}

impl Twins {
    /// The chat user who stands for this one.
    pub fn oldest(&self, who: ChatUserId) -> ChatUserId {
        self.0.get(&who).copied().unwrap_or(who)
    }

    /// Whether this one is merged into an older one.
    pub fn is_merged(&self, who: ChatUserId) -> bool {
        self.0.contains_key(&who)
    }

    /// Matches the chat rooms without these people.
    pub(super) fn others(&self) -> Document {
        doc! { "chatUsers": { "$nin": self.all() } }
    }

    /// All their chat users.
    fn all(&self) -> Vec<Bson> {
        let all = self
            .0
            .iter()
            .flat_map(|(younger, oldest)| [*younger, *oldest]);
        let all: HashSet<ChatUserId> = all.collect();
        all.into_iter().map(Bson::from).collect()
    }

    /// The two members of a chat room; `None` unless they are two people.
    pub(super) fn members(&self, room: &RawDocument) -> Option<Members> {
        match self.membership(room) {
            Membership::Two(members) => Some(members),
            Membership::Oneself | Membership::Malformed => None,
        }
    }

    /// As [`is_of_two`] and [`is_with_oneself`] say it.
    fn membership(&self, room: &RawDocument) -> Membership {
        let list = room.get_array("chatUsers").map(|list| self.list(list));
        let list = list.unwrap_or_default();
        let is_id = matches!(room.get("_id"), Ok(Some(RawBsonRef::ObjectId(_))));
        let id = |one: &Bson| {
            let id = one.as_object_id();
            id.map(|id| ChatUserId::from_bytes(id.bytes()))
        };
        match list.as_slice() {
            [first, rest @ ..] if rest.iter().all(|one| one == first) => Membership::Oneself,
            [first, second] if is_id => {
                let members = id(first).zip(id(second));
                let members = members.and_then(|(first, second)| Members::new(first, second));
                members.map_or(Membership::Malformed, Membership::Two)
            }
            _ => Membership::Malformed,
        }
    }

    fn list(&self, list: &RawArray) -> Vec<Bson> {
        let oldest = |one: RawBsonRef<'_>| match ChatUserId::from_raw(one) {
            Some(who) => Bson::from(self.oldest(who)),
            None => scan::value(one),
        };
        list.into_iter()
            .filter_map(Result::ok)
            .map(oldest)
            .collect()
    }
}

/// Whether a chat room has two members and an id, as an expression. See `Twins::membership`.
pub(super) fn is_of_two() -> Document {
    let is_id = |value: Bson| doc! { "$eq": [{ "$type": value }, "objectId"] };
    let member = |at: i32| doc! { "$arrayElemAt": ["$$members", at] };
    doc! { "$let": {
        "vars": { "members": members() },
        "in": { "$and": [
            is_id("$_id".into()),
            { "$eq": [{ "$size": "$$members" }, 2] },
            is_id(member(0).into()),
            is_id(member(1).into()),
            { "$ne": [member(0), member(1)] },
        ] },
    } }
}

/// Whether all members of a chat room are the same person, as an expression.
pub(super) fn is_with_oneself() -> Document {
    doc! { "$eq": [{ "$size": { "$setUnion": [members(), []] } }, 1] }
}

fn members() -> Document {
    doc! { "$cond": [{ "$isArray": "$chatUsers" }, "$chatUsers", []] }
}

impl Adoption {
    /// Lists the chat users who are the same person as an older one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_twins(&self) -> Result<Twins, Error> {
        let old = self.old(Kind::ChatUsers);
        let stages = [
            doc! { "$match": { "_id": { "$type": "objectId" }, "user": { "$ne": null } } },
            doc! { "$sort": { "_id": 1 } },
            doc! { "$group": { "_id": "$user", "all": { "$push": "$_id" } } },
            doc! { "$match": { "all.1": { "$exists": true } } },
        ];
        let groups: Vec<Document> = self
            .step("adopt.list_twins", async move {
                let groups = old.aggregate(stages).allow_disk_use(true).await?;
                collect(groups).await
            })
            .await?;
        let mut twins = HashMap::new();
        for group in &groups {
            let all = group.get_array("all").into_iter().flatten();
            let mut all = all
                .filter_map(Bson::as_object_id)
                .map(|id| ChatUserId::from_bytes(id.bytes()));
            if let Some(oldest) = all.next() {
                twins.extend(all.map(|younger| (younger, oldest)));
            }
        }
        Ok(Twins(twins))
    }

    /// Lists the chat rooms with one of these people: they are all in memory, about 200 bytes
    /// each.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_twin_rooms(&self, twins: &Twins) -> Result<TwinRooms, Error> {
        let mut found = TwinRooms::default();
        if twins.0.is_empty() {
            return Ok(found);
        }
        let with = doc! { "chatUsers": { "$in": twins.all() } };
        let by_id = FindOptions::builder().sort(doc! { "_id": 1 }).build();
        let mut rooms = self.find_old(Kind::ChatRooms, with, by_id, RawDocument::to_owned);
        let mut places: BTreeMap<[ChatUserId; 2], usize> = BTreeMap::new();
        while let Some(room) = rooms.next().await? {
            let id = room.get("_id").ok().flatten();
            let bare = id.map_or(Bson::Null, scan::value);
            match (twins.membership(&room), id.and_then(ChatRoomId::from_raw)) {
                (Membership::Oneself, _) => found.with_oneself.push(bare),
                (Membership::Two(members), Some(id)) => {
                    let mut both = members.ids();
                    both.sort_unstable();
                    let place = *places.entry(both).or_insert(found.pairs.len());
                    let created_at = created_at(&room, id);
                    match found.pairs.get_mut(place) {
                        Some(pair) => {
                            pair.rooms.push(id);
                            pair.created_at = pair.created_at.min(created_at);
                        }
                        None => found.pairs.push(Pair {
                            members,
                            rooms: vec![id],
                            created_at,
                        }),
                    }
                }
                _ => found.malformed.push(bare),
            }
        }
        Ok(found)
    }
}

/// When an old chat room was created; unless it says so, its `_id` does.
fn created_at(room: &RawDocument, id: ChatRoomId) -> DateTime {
    let said = room.get("createdAt").ok().flatten().and_then(scan::date);
    said.unwrap_or_else(|| ObjectId::from_bytes(id.bytes()).timestamp())
}
