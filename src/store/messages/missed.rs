//! The messages that a person has not received yet.

use std::collections::HashMap;

use bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::{Error, Messages};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::raw::by_serde;

/// The position of a message, without its text.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissedPosition {
    /// The message's chat room.
    pub chat_room: ChatRoomId,
    /// Its position there.
    pub seq: Seq,
    /// When it was stored.
    pub created_at: DateTime,
    /// Bytes of what it says, where that was asked for.
    #[serde(default)]
    pub size: i64,
}

by_serde!(MissedPosition);

impl MissedPosition {
    /// The position of a message.
    pub fn of(message: &Message) -> Self {
        Self {
            chat_room: message.chat_room,
            seq: message.seq,
            created_at: message.created_at,
            size: i64::try_from(message.content_bytes()).unwrap_or(i64::MAX),
        }
    }
}

impl Messages {
    /// Counts the messages to a person in a range of a chat room that were sent to no
    /// device when they were stored. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_born_unsent(
        &self,
        to: ChatUserId,
        room: ChatRoomId,
        after: Seq,
        last: Seq,
    ) -> Result<u64, Error> {
        let filter = doc! {
            "chatRoom": room,
            "seq": { "$gt": after, "$lte": last },
            "to": to,
            "sentAt": { "$exists": false },
        };
        self.documents
            .read("messages.count_born_unsent", move |collection| {
                let filter = filter.clone();
                async move { collection.count_documents(filter).await }
            })
            .await
    }

    /// Lists the newest messages to a person after a position in each chat room, at most
    /// `limit` per room, in no particular order.
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
        let lookups = lookups(to, positions, limit, &doc! {});
        self.documents
            .look_into("messages.list_missed", &lookups, &[])
            .await
    }

    /// The positions of the messages that [`Messages::list_missed`] would list, the newest
    /// `most` of each 500 rooms: for many chat rooms, whose texts would fill the memory.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_missed_places(
        &self,
        to: ChatUserId,
        positions: &[(ChatRoomId, Seq)],
        limit: i64,
        most: i64,
    ) -> Result<Vec<MissedPosition>, Error> {
        let bytes = |field: &str| {
            let text = doc! { "$ifNull": [field, ""] };
            doc! { "$strLenBytes": text }
        };
        let size = doc! { "$add": [bytes("$message"), bytes("$kind"), bytes("$data")] };
        let place = doc! { "_id": 0, "chatRoom": 1, "seq": 1, "createdAt": 1, "size": size };
        let lookups = lookups(to, positions, limit, &place);
        let newest = [
            doc! { "$sort": { "createdAt": -1, "seq": -1 } },
            doc! { "$limit": most },
        ];
        self.documents
            .look_into("messages.list_missed_places", &lookups, &newest)
            .await
    }

    /// The position of the last message stored before a time, by chat room, for rooms
    /// that have one; one query for 500 rooms, which reads the messages stored since.
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
        let found: Vec<MissedPosition> = self
            .documents
            .look_into("messages.list_last_before", &lookups, &[])
            .await?;
        let last = found.into_iter().map(|place| (place.chat_room, place.seq));
        Ok(last.collect())
    }
}

/// Looks for the newest messages to a person after a position in each chat room.
fn lookups(
    to: ChatUserId,
    positions: &[(ChatRoomId, Seq)],
    limit: i64,
    projection: &Document,
) -> Vec<Vec<Document>> {
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
    lookups.collect()
}
