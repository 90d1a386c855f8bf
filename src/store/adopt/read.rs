//! Reading the old collections, in bounded memory.

use std::collections::HashSet;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawBson, RawDocument, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use mongodb::options::{FindOptions, Hint};

use super::twins::{Twins, is_of_two};
use super::{Adoption, Kind};
use crate::domain::Members;
use crate::id::{ChatRoomId, ChatUserId, UserId};
use crate::store::Error;
use crate::store::documents::BATCH;
use crate::store::raw::{FromRaw, Unreadable};
use crate::store::scan::{self, Scan};

/// Groups fetched in one round trip: MongoDB ends a cursor that nobody asks for 10 minutes,
/// and each pair may have many messages.
const GROUPS: u32 = 1_000;

/// A chat user of chatzz 1.x.
#[derive(Clone, Debug)]
pub struct OldUser {
    /// Its `_id`; `None` unless it is an id.
    pub id: Option<ChatUserId>,
    /// The application's user, whatever it is.
    user: Bson,
    /// When the person was last seen.
    pub last_online: Option<DateTime>,
}

impl OldUser {
    fn read(document: &RawDocument) -> Self {
        let field = |name| document.get(name).ok().flatten();
        Self {
            id: field("_id").and_then(ChatUserId::from_raw),
            user: field("user").map_or(Bson::Null, scan::value),
            last_online: field("lastOnline").and_then(scan::date),
        }
    }
}

/// Two people, and their chat rooms.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The two, in the order of the oldest chat room.
    pub members: Members,
    /// Their chat rooms, the oldest first.
    pub rooms: Vec<ChatRoomId>,
    /// When the first of them was created.
    pub created_at: DateTime,
}

impl FromRaw for Pair {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let field = |name: &'static str| document.get(name)?.ok_or(Unreadable::Field(name));
        let ids = |name: &'static str| {
            let ids = field(name)?.as_array().ok_or(Unreadable::Field(name))?;
            let ids = ids.into_iter().map(|id| Ok(id?.as_object_id()));
            ids.collect::<Result<Option<Vec<ObjectId>>, Unreadable>>()
        };
        let members = match ids("members")?.as_deref() {
            Some([first, second]) => {
                let [first, second] = [first, second].map(|id| ChatUserId::from_bytes(id.bytes()));
                Members::new(first, second)
            }
            _ => None,
        };
        let rooms = ids("rooms")?.unwrap_or_default().into_iter();
        Ok(Self {
            members: members.ok_or(Unreadable::Field("members"))?,
            rooms: rooms.map(|id| ChatRoomId::from_bytes(id.bytes())).collect(),
            created_at: field("createdAt")?
                .as_datetime()
                .ok_or(Unreadable::Field("createdAt"))?,
        })
    }
}

/// The members of a chat room, for a look that writes nothing.
#[derive(Clone, Copy, Debug)]
pub struct OldRoom {
    /// The chat room.
    pub id: ChatRoomId,
    /// Its members; `None` unless they are two people.
    pub members: Option<Members>,
}

impl Adoption {
    /// Reads the old chat users after one, by `_id`, those whose `_id` is an id.
    pub fn scan_users(&self, after: Option<ChatUserId>) -> Scan<OldUser> {
        let after = doc! { "_id": scan::after(after) };
        let by_id = FindOptions::builder().sort(doc! { "_id": 1 }).build();
        self.find_old(Kind::ChatUsers, after, by_id, OldUser::read)
    }

    /// The application's user of an old chat user; `None` for what is no user's id.
    pub fn user_of(&self, old: &OldUser) -> Option<UserId> {
        let value = RawBson::try_from(old.user.clone()).ok()?;
        self.ids.read(value.as_raw_bson_ref())
    }

    /// Reads every two people who have a chat room, by the oldest of theirs, but for those who
    /// have several chat users: [`Adoption::list_twin_rooms`].
    pub fn scan_pairs(&self, twins: &Twins) -> Scan<Result<Pair, Unreadable>> {
        let is_date = doc! { "$eq": [{ "$type": "$createdAt" }, "date"] };
        let created_at = doc! { "$cond": [is_date, "$createdAt", { "$toDate": "$_id" }] };
        let stages = vec![
            doc! { "$match": { "$and": [twins.others(), { "$expr": is_of_two() }] } },
            doc! { "$sort": { "_id": 1 } },
            doc! { "$project": { "members": "$chatUsers", "createdAt": created_at } },
            doc! { "$group": {
                "_id": [{ "$min": "$members" }, { "$max": "$members" }],
                "oldest": { "$first": "$_id" },
                "members": { "$first": "$members" },
                "rooms": { "$push": "$_id" },
                "createdAt": { "$min": "$createdAt" },
            } },
            doc! { "$sort": { "oldest": 1 } },
        ];
        let old = self.old(Kind::ChatRooms);
        // each portion of them may take longer than MongoDB keeps a cursor
        let open = move |last: Option<Bson>| {
            let mut stages = stages.clone();
            stages.extend(last.map(|last| doc! { "$match": { "oldest": { "$gt": last } } }));
            let old = old.clone();
            async move {
                let aggregate = old.aggregate(stages).allow_disk_use(true);
                aggregate.with_type().batch_size(GROUPS).await
            }
        };
        Scan::resuming(open, "oldest", Pair::from_raw)
    }

    /// Reads the messages of chat rooms, each room's in order, and those of `merged` rooms
    /// in one order.
    pub fn scan_messages(&self, rooms: &[ChatRoomId], merged: bool) -> Scan<RawDocumentBuf> {
        let order = if merged {
            doc! { "createdAt": 1, "_id": 1 }
        } else {
            doc! { "chatRoom": 1, "createdAt": 1, "_id": 1 }
        };
        let options = FindOptions::builder()
            .sort(order)
            .hint(Hint::Name(self.places.index()))
            .allow_disk_use(true)
            .build();
        let filter = doc! { "chatRoom": { "$in": rooms } };
        self.find_old(Kind::Messages, filter, options, RawDocument::to_owned)
    }

    /// Reads all old messages, in no particular order.
    pub fn scan_all_messages(&self) -> Scan<RawDocumentBuf> {
        let options = FindOptions::default();
        self.find_old(Kind::Messages, doc! {}, options, RawDocument::to_owned)
    }

    /// Reads what the old messages name as their chat rooms, each once.
    pub fn scan_named_rooms(&self) -> Scan<Bson> {
        let stages = vec![doc! { "$group": { "_id": "$chatRoom" } }];
        let id = |room: &RawDocument| {
            room.get("_id")
                .ok()
                .flatten()
                .map_or(Bson::Null, scan::value)
        };
        self.aggregate_old(Kind::Messages, stages, id)
    }

    pub(super) fn find_old<T>(
        &self,
        kind: Kind,
        filter: Document,
        options: FindOptions,
        read: fn(&RawDocument) -> T,
    ) -> Scan<T> {
        let old = self.old(kind);
        let cursor = async move {
            let find = old.find(filter).with_options(options);
            find.batch_size(BATCH).await
        };
        Scan::of(cursor, read)
    }

    fn aggregate_old<T>(
        &self,
        kind: Kind,
        stages: Vec<Document>,
        read: fn(&RawDocument) -> T,
    ) -> Scan<T> {
        let old = self.old(kind);
        let cursor = async move {
            let aggregate = old.aggregate(stages).allow_disk_use(true);
            aggregate.with_type().batch_size(GROUPS).await
        };
        Scan::of(cursor, read)
    }

    /// Lists those of these old chat rooms that exist, with their members.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_old_rooms(
        &self,
        rooms: Vec<ChatRoomId>,
        twins: &Twins,
    ) -> Result<Vec<OldRoom>, Error> {
        let old = self.old(Kind::ChatRooms);
        let found: Vec<RawDocumentBuf> = self
            .step("adopt.list_old_rooms", async move {
                let find = old.find(doc! { "_id": { "$in": rooms } });
                find.projection(doc! { "chatUsers": 1 })
                    .await?
                    .try_collect()
                    .await
            })
            .await?;
        let room = |room: &RawDocumentBuf| {
            Some(OldRoom {
                id: ChatRoomId::from_raw(room.get("_id").ok()??)?,
                members: twins.members(room),
            })
        };
        Ok(found.iter().filter_map(room).collect())
    }

    /// Lists those of these old chat users that exist.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_old_users(
        &self,
        users: Vec<ChatUserId>,
    ) -> Result<HashSet<ChatUserId>, Error> {
        let old = self.old(Kind::ChatUsers);
        self.list_ids(old, users, ChatUserId::from_raw).await
    }
}
