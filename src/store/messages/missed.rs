//! What a person has not got or not read yet.

use std::collections::HashMap;

use bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::{Error, Message, Messages};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::store::documents::{BATCH, collect};
use crate::store::raw::{FromRaw, by_serde};

/// Chat rooms that [`Messages::count_unread`] counts by name; more are mostly all of
/// a person's, and one range of the index costs less than one for each.
const ROOMS_PER_COUNT: usize = 4;
/// Unread messages that [`Messages::count_unread`] counts itself.
const FEW_UNREAD: usize = 200;
/// Chat rooms looked into by one query of [`Messages::look_into`].
const UNIONS_PER_QUERY: usize = 500;

/// Where a message is, without what it says.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The message's id.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// Its chat room.
    pub chat_room: ChatRoomId,
    /// Its position there.
    pub seq: Seq,
    /// When it was stored.
    pub created_at: DateTime,
}

by_serde!(Place);

impl Place {
    /// Where a message is.
    pub fn of(message: &Message) -> Self {
        Self {
            id: message.id,
            chat_room: message.chat_room,
            seq: message.seq,
            created_at: message.created_at,
        }
    }
}

impl Messages {
    /// Counts a person's unread messages in chat rooms of his, by chat room, and
    /// perhaps in others of his. Index: `to_unread_chatRoom_seq`, covered.
    ///
    /// Most people have few: where they are is read, and counted here, which costs
    /// the database less than to count. Of many it is asked for the count.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_unread(
        &self,
        to: ChatUserId,
        rooms: &[ChatRoomId],
    ) -> Result<HashMap<ChatRoomId, i64>, Error> {
        if rooms.is_empty() {
            return Ok(HashMap::new());
        }
        let mut unread = doc! { "to": to, "unread": true };
        if rooms.len() <= ROOMS_PER_COUNT {
            unread.insert("chatRoom", doc! { "$in": rooms });
        }
        let mut counts = HashMap::new();
        let few = self.list_unread_rooms(unread.clone(), FEW_UNREAD).await?;
        if few.len() < FEW_UNREAD {
            for room in few {
                *counts.entry(room).or_default() += 1;
            }
            return Ok(counts);
        }
        let pipeline = [
            doc! { "$match": unread },
            doc! { "$group": { "_id": "$chatRoom", "count": { "$sum": 1_i64 } } },
        ];
        self.counts("messages.count_unread", pipeline.into()).await
    }

    /// The chat rooms of at most so many unread messages, one for each message.
    async fn list_unread_rooms(
        &self,
        unread: Document,
        limit: usize,
    ) -> Result<Vec<ChatRoomId>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Unread {
            chat_room: ChatRoomId,
        }
        by_serde!(Unread);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found: Vec<Unread> = self
            .documents
            .read("messages.list_unread_rooms", move |collection| {
                let unread = unread.clone();
                async move {
                    let find = collection.find(unread).limit(limit).batch_size(BATCH);
                    collect(find.projection(doc! { "_id": 0, "chatRoom": 1 }).await?).await
                }
            })
            .await?;
        Ok(found.into_iter().map(|unread| unread.chat_room).collect())
    }

    /// Counts the messages to a person after a position, by chat room. Index:
    /// `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_after(
        &self,
        to: ChatUserId,
        positions: &[(ChatRoomId, Seq)],
    ) -> Result<HashMap<ChatRoomId, i64>, Error> {
        let ranges: Vec<Document> = positions
            .iter()
            .map(|(room, seq)| doc! { "chatRoom": room, "seq": { "$gt": seq } })
            .collect();
        let pipeline = [
            doc! { "$match": { "$or": ranges, "to": to } },
            doc! { "$group": { "_id": "$chatRoom", "count": { "$sum": 1_i64 } } },
        ];
        self.counts("messages.count_after", pipeline.into()).await
    }

    async fn counts(
        &self,
        name: &'static str,
        pipeline: Vec<Document>,
    ) -> Result<HashMap<ChatRoomId, i64>, Error> {
        #[derive(Deserialize)]
        struct Count {
            #[serde(rename = "_id")]
            room: ChatRoomId,
            count: i64,
        }
        by_serde!(Count);
        let counts: Vec<Count> = self.documents.aggregate(name, pipeline).await?;
        Ok(counts.into_iter().map(|c| (c.room, c.count)).collect())
    }

    /// Lists the newest messages to a person after a position in each chat
    /// room, at most `limit` a room, in no particular order.
    ///
    /// One query for 500 rooms: the database looks into each room by index
    /// `chatRoom_seq` and reads no more than `limit` matches.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_missed(
        &self,
        to: ChatUserId,
        positions: &[(ChatRoomId, Seq)],
        limit: i64,
    ) -> Result<Vec<Message>, Error> {
        let whole = doc! {};
        self.missed("messages.list_missed", to, positions, limit, whole)
            .await
    }

    /// Where the messages are that [`Messages::list_missed`] would list: for many
    /// chat rooms, whose texts would fill the memory.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_missed_places(
        &self,
        to: ChatUserId,
        positions: &[(ChatRoomId, Seq)],
        limit: i64,
    ) -> Result<Vec<Place>, Error> {
        let place = doc! { "chatRoom": 1, "seq": 1, "createdAt": 1 };
        self.missed("messages.list_missed_places", to, positions, limit, place)
            .await
    }

    async fn missed<R>(
        &self,
        name: &'static str,
        to: ChatUserId,
        positions: &[(ChatRoomId, Seq)],
        limit: i64,
        projection: Document,
    ) -> Result<Vec<R>, Error>
    where
        R: FromRaw + Send + 'static,
    {
        let lookups = positions.iter().map(|(room, seq)| {
            let mut lookup = vec![
                doc! { "$match": { "chatRoom": room, "seq": { "$gt": seq }, "to": to } },
                doc! { "$sort": { "seq": -1 } },
                doc! { "$limit": limit },
            ];
            if !projection.is_empty() {
                lookup.push(doc! { "$project": projection.clone() });
            }
            lookup
        });
        let lookups: Vec<Vec<Document>> = lookups.collect();
        self.look_into(name, &lookups).await
    }

    /// The position of the last message stored before a time, by chat room, of those
    /// that have one; one query for 500 rooms, which reads what was stored since.
    /// Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_last_before(
        &self,
        rooms: &[ChatRoomId],
        at: DateTime,
    ) -> Result<HashMap<ChatRoomId, Seq>, Error> {
        let lookups = rooms.iter().map(|room| {
            vec![
                doc! { "$match": { "chatRoom": room, "createdAt": { "$lt": at } } },
                doc! { "$sort": { "seq": -1 } },
                doc! { "$limit": 1 },
                doc! { "$project": { "chatRoom": 1, "seq": 1, "createdAt": 1 } },
            ]
        });
        let lookups: Vec<Vec<Document>> = lookups.collect();
        let found: Vec<Place> = self
            .look_into("messages.list_last_before", &lookups)
            .await?;
        let last = found.into_iter().map(|place| (place.chat_room, place.seq));
        Ok(last.collect())
    }

    /// Gathers what several pipelines find, hundreds of them in one query.
    pub(super) async fn look_into<R>(
        &self,
        name: &'static str,
        lookups: &[Vec<Document>],
    ) -> Result<Vec<R>, Error>
    where
        R: FromRaw + Send + 'static,
    {
        let mut all = Vec::new();
        // a pipeline may hold 1,000 stages, and each room is one
        for some in lookups.chunks(UNIONS_PER_QUERY) {
            let Some((first, others)) = some.split_first() else {
                continue;
            };
            let mut pipeline = first.clone();
            pipeline.extend(others.iter().map(|lookup| {
                doc! { "$unionWith": { "coll": self.documents.name(), "pipeline": lookup } }
            }));
            let found: Vec<R> = self.documents.aggregate(name, pipeline).await?;
            all.extend(found);
        }
        Ok(all)
    }
}
