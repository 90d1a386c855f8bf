//! Changes of messages. Each gives its message the next `rev` of the chat room.

use std::time::Duration;

use bson::{Document, doc};
use serde::Deserialize;

use super::{Error, Messages, withheld};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::store::MAINTENANCE_LIMIT;
use crate::store::documents::{BATCH, Listing, collect};
use crate::store::raw::by_serde;

/// The longest that a redaction of some messages is waited for.
const REDACTED_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
struct Rev {
    rev: i64,
}

by_serde!(Rev);

/// A message that can be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Redactable {
    /// The message.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// Its position.
    pub seq: Seq,
}

by_serde!(Redactable);

impl Messages {
    /// The number of changes in a chat room. Index: `chatRoom_rev`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find_last_rev(&self, room: ChatRoomId) -> Result<i64, Error> {
        let stages = vec![
            doc! { "$match": { "chatRoom": room, "rev": { "$exists": true } } },
            doc! { "$sort": { "rev": -1 } },
            doc! { "$limit": 1 },
            doc! { "$project": { "_id": 0, "rev": 1 } },
        ];
        let found: Vec<Rev> = self
            .documents
            .aggregate("messages.find_last_rev", stages)
            .await?;
        Ok(found.first().map_or(0, |found| found.rev))
    }

    /// Lists the messages that were changed after one change of a chat room and up to
    /// another, in that order, the first `limit`; only those that `viewer` may see.
    /// Index: `chatRoom_rev`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_changed(
        &self,
        room: ChatRoomId,
        (after, last): (i64, i64),
        limit: i64,
        viewer: Option<ChatUserId>,
    ) -> Result<Vec<Message>, Error> {
        let mut filter = viewer.map(withheld::seen_by).unwrap_or_default();
        filter.insert("chatRoom", room);
        filter.insert("rev", doc! { "$exists": true, "$gt": after, "$lte": last });
        let listing = Listing::of(filter, limit).sorted(doc! { "rev": 1 });
        self.documents.list("messages.list_changed", listing).await
    }

    /// Lists messages of a chat room after a position that are not redacted, ascending, the
    /// first `limit`; those of one sender, if one is named. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_redactable(
        &self,
        room: ChatRoomId,
        from: Option<ChatUserId>,
        after: Seq,
        limit: i64,
    ) -> Result<Vec<Redactable>, Error> {
        let mut filter = doc! {
            "chatRoom": room,
            "seq": { "$gt": after },
            "redacted": { "$ne": true },
        };
        filter.extend(from.map(|from| ("from".to_owned(), from.into())));
        let stages = vec![
            doc! { "$match": filter },
            doc! { "$sort": { "seq": 1 } },
            doc! { "$limit": limit },
            doc! { "$project": { "seq": 1 } },
        ];
        // of a sender who has none left it reads the whole chat room
        let name = "messages.list_redactable";
        self.documents
            .run_within(MAINTENANCE_LIMIT, name, |collection| async move {
                collect(collection.aggregate(stages).batch_size(BATCH).await?).await
            })
            .await
    }

    /// Lists those that are not redacted yet, in their order. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_unredacted(
        &self,
        room: ChatRoomId,
        wanted: &[Redactable],
    ) -> Result<Vec<Redactable>, Error> {
        let ids: Vec<MessageId> = wanted.iter().map(|one| one.id).collect();
        let stages = vec![
            doc! { "$match": {
                "_id": { "$in": ids }, "chatRoom": room, "redacted": { "$ne": true },
            } },
            doc! { "$sort": { "seq": 1 } },
            doc! { "$project": { "seq": 1 } },
        ];
        let name = "messages.list_unredacted";
        self.documents.aggregate(name, stages).await
    }

    /// Removes the client ids of a sender in a chat room, who sends nothing there any more.
    /// Index: `chatRoom_from_clientId`.
    ///
    /// # Errors
    /// When the database did not confirm it: some may have been removed.
    pub async fn forget_client_ids(&self, room: ChatRoomId, from: ChatUserId) -> Result<(), Error> {
        let known = doc! { "chatRoom": room, "from": from, "clientId": { "$exists": true } };
        let name = "messages.forget_client_ids";
        self.documents
            .run_within(MAINTENANCE_LIMIT, name, |collection| async move {
                let forget = doc! { "$unset": { "clientId": "" } };
                collection.update_many(known, forget).await.map(drop)
            })
            .await
    }

    /// Removes what messages of a chat room say, and gives them the changes after `rev`, in
    /// this order, until another server turns out to have used one of these numbers. Returns
    /// how many were changed.
    ///
    /// # Errors
    /// When the database did not confirm it: some may have been changed.
    pub async fn redact(
        &self,
        room: ChatRoomId,
        rev: i64,
        messages: &[Redactable],
    ) -> Result<usize, Error> {
        let statements = messages.iter().zip(rev + 1..).map(|(message, rev)| {
            doc! {
                "q": { "_id": message.id, "chatRoom": room, "redacted": { "$ne": true } },
                "u": {
                    "$set": { "message": "", "redacted": true, "rev": rev },
                    "$unset": { "kind": "", "data": "", "asked": "" },
                },
            }
        });
        let statements: Vec<Document> = statements.collect();
        let name = "messages.redact";
        let written = self
            .bulk
            .update_in_order(name, self.documents.name(), statements, REDACTED_WITHIN)
            .await?;
        Ok(written.changed)
    }
}
