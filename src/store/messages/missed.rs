//! What a person has not got or not read yet.

use std::collections::HashMap;

use bson::{DateTime, Document, doc};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Error, Message, Messages};
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};

/// Chat rooms that [`Messages::count_unread`] counts by name; more are mostly all of
/// a person's, and one range of the index costs less than one for each.
const ROOMS_PER_COUNT: usize = 4;
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
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_unread(
        &self,
        to: ChatUserId,
        rooms: &[ChatRoomId],
    ) -> Result<HashMap<ChatRoomId, i64>, Error> {
        let mut unread = doc! { "to": to, "unread": true };
        if rooms.len() <= ROOMS_PER_COUNT {
            unread.insert("chatRoom", doc! { "$in": rooms });
        }
        let pipeline = [
            doc! { "$match": unread },
            doc! { "$group": { "_id": "$chatRoom", "count": { "$sum": 1_i64 } } },
        ];
        self.counts("messages.count_unread", pipeline.into()).await
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
        R: DeserializeOwned + Send + Sync + Unpin + 'static,
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

    /// Gathers what several pipelines find, hundreds of them in one query.
    pub(super) async fn look_into<R>(
        &self,
        name: &'static str,
        lookups: &[Vec<Document>],
    ) -> Result<Vec<R>, Error>
    where
        R: DeserializeOwned + Send + Sync + Unpin + 'static,
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
