//! Counting messages again and mending their status, for `chatzz verify`.

use bson::{Document, doc};
use futures::TryStreamExt as _;
use mongodb::options::Hint;

use super::{Error, Messages, SEQ, Scanned, Status, UNREAD};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::MAINTENANCE_LIMIT;

impl Messages {
    /// Counts the messages in a range of a chat room. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_between(
        &self,
        room: ChatRoomId,
        first: Seq,
        last: Seq,
    ) -> Result<u64, Error> {
        let filter = doc! { "chatRoom": room, "seq": { "$gte": first, "$lte": last } };
        self.count(filter, SEQ).await
    }

    /// Counts the unread messages of several people in several chat rooms, by
    /// chat room and person. Index: `to_unread_chatRoom_seq`, covered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_unread_in(
        &self,
        to: &[ChatUserId],
        rooms: &[ChatRoomId],
    ) -> Result<Vec<(ChatRoomId, ChatUserId, u64)>, Error> {
        #[derive(serde::Deserialize)]
        struct Count {
            #[serde(rename = "_id")]
            key: Key,
            count: u64,
        }
        #[derive(serde::Deserialize)]
        struct Key {
            room: ChatRoomId,
            to: ChatUserId,
        }
        let pipeline = vec![
            doc! { "$match": { "to": { "$in": to }, "unread": true, "chatRoom": { "$in": rooms } } },
            doc! { "$group": {
                "_id": { "room": "$chatRoom", "to": "$to" },
                "count": { "$sum": 1_i64 },
            } },
        ];
        let counts: Vec<Count> = self
            .documents
            .run_within(
                MAINTENANCE_LIMIT,
                "messages.count_unread_in",
                |collection| async move {
                    let counted = collection.aggregate(pipeline);
                    let counted = counted.hint(Hint::Name(UNREAD.to_owned()));
                    counted.with_type().await?.try_collect().await
                },
            )
            .await?;
        let counts = counts.into_iter();
        Ok(counts.map(|c| (c.key.room, c.key.to, c.count)).collect())
    }

    /// Counts a person's unread messages in a chat room up to a position, as
    /// the server counts them. Index: `to_unread_chatRoom_seq`, covered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_unread_up_to(
        &self,
        to: ChatUserId,
        room: ChatRoomId,
        last: Seq,
    ) -> Result<u64, Error> {
        let filter = doc! { "to": to, "unread": true, "chatRoom": room, "seq": { "$lte": last } };
        self.count(filter, UNREAD).await
    }

    /// Counts a person's messages whose status is not read, up to a position.
    /// Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_not_read_up_to(
        &self,
        to: ChatUserId,
        room: ChatRoomId,
        last: Seq,
    ) -> Result<u64, Error> {
        let filter = doc! {
            "chatRoom": room,
            "seq": { "$lte": last },
            "to": to,
            "status": { "$ne": "read" },
        };
        self.count(filter, SEQ).await
    }

    async fn count(&self, filter: Document, index: &'static str) -> Result<u64, Error> {
        self.documents
            .run_within(
                MAINTENANCE_LIMIT,
                "messages.count",
                |collection| async move {
                    let counted = collection.count_documents(filter.clone());
                    let hint = Hint::Name(index.to_owned());
                    match counted.hint(hint).await {
                        // the index is missing: slowly, then
                        Err(error) if is_bad_hint(&error) => {
                            collection.count_documents(filter).await
                        }
                        counted => counted,
                    }
                },
            )
            .await
    }

    /// Counts all messages from the collection's bookkeeping, roughly.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn estimate(&self) -> Result<u64, Error> {
        self.documents
            .run("messages.estimate", |collection| async move {
                collection.estimated_document_count().await
            })
            .await
    }

    /// Brings a message to the furthest state its fields tell of, unless it
    /// has changed since it was seen; tells whether it did.
    ///
    /// # Errors
    /// When the database cannot be asked or did not answer.
    pub async fn mend_status(&self, seen: &Scanned) -> Result<bool, Error> {
        let (Some(now), Some(status)) = (seen.status, seen.furthest()) else {
            return Ok(false);
        };
        let time = |name: &str, there: bool| {
            let is_date = doc! { "$type": "date" };
            let is_as_seen = if there {
                is_date
            } else {
                doc! { "$not": is_date }
            };
            doc! { name: is_as_seen }
        };
        let unread = if seen.unread {
            doc! { "unread": true }
        } else {
            doc! { "unread": { "$ne": true } }
        };
        let filter = doc! {
            "_id": &seen.id,
            "status": name_of(now),
            "$and": [unread, time("sentAt", seen.sent), time("readAt", seen.read)],
        };
        let mut update = doc! { "$set": { "status": name_of(status) } };
        if status == Status::Read {
            update.insert("$unset", doc! { "unread": "" });
        }
        let matched = self
            .documents
            .update_one("messages.mend_status", filter, update, false)
            .await?;
        Ok(matched == 1)
    }
}

/// The status as it is stored.
fn name_of(status: Status) -> &'static str {
    match status {
        Status::NotSent => "not_sent",
        Status::Sent => "sent",
        Status::Read => "read",
    }
}

/// Whether the database does not know the index it was told to use (code 2).
fn is_bad_hint(error: &mongodb::error::Error) -> bool {
    matches!(
        error.kind.as_ref(),
        mongodb::error::ErrorKind::Command(command) if command.code == 2
    )
}
