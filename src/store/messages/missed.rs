//! What a person has not got or not read yet.

use std::collections::HashMap;

use bson::{Document, doc};
use serde::Deserialize;

use super::{Error, Message, Messages};
use crate::id::{ChatRoomId, ChatUserId, Seq};

/// Chat rooms looked into by one query of [`Messages::look_into`].
const UNIONS_PER_QUERY: usize = 500;

impl Messages {
    /// Counts a person's unread messages by chat room. Index:
    /// `to_unread_chatRoom_seq`, covered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_unread(&self, to: ChatUserId) -> Result<HashMap<ChatRoomId, i64>, Error> {
        let pipeline = [
            doc! { "$match": { "to": to, "unread": true } },
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
    /// One query whatever the number of rooms: the database looks into each
    /// room by index `chatRoom_seq` and reads no more than `limit` matches.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_missed(
        &self,
        to: ChatUserId,
        positions: &[(ChatRoomId, Seq)],
        limit: i64,
    ) -> Result<Vec<Message>, Error> {
        let lookups = positions.iter().map(|(room, seq)| {
            vec![
                doc! { "$match": { "chatRoom": room, "seq": { "$gt": seq }, "to": to } },
                doc! { "$sort": { "seq": -1 } },
                doc! { "$limit": limit },
            ]
        });
        let lookups: Vec<Vec<Document>> = lookups.collect();
        self.look_into("messages.list_missed", &lookups).await
    }

    /// Gathers what several pipelines find, hundreds of them in one query.
    pub(super) async fn look_into(
        &self,
        name: &'static str,
        lookups: &[Vec<Document>],
    ) -> Result<Vec<Message>, Error> {
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
            let found: Vec<Message> = self.documents.aggregate(name, pipeline).await?;
            all.extend(found);
        }
        Ok(all)
    }
}
