//! Changes of messages. Each gives its message the next `rev` of the chat room.

use bson::{Bson, Document, doc};
use serde::Deserialize;

use super::{Error, Messages, withheld};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::store::MAINTENANCE_LIMIT;
use crate::store::documents::Listing;
use crate::store::raw::by_serde;

/// A message whose content is to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// The message.
    pub id: MessageId,
    /// Its position.
    pub seq: Seq,
    /// What stands in the place of the sender's key from now on; without it, that stays.
    pub client_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rev {
    rev: i64,
}

by_serde!(Rev);

#[derive(Debug, Deserialize)]
struct Changed {
    count: i64,
    last: i64,
}

by_serde!(Changed);

/// A message that can be redacted.
#[derive(Debug, Deserialize)]
struct Redactable {
    #[serde(rename = "_id")]
    id: MessageId,
    seq: Seq,
    #[serde(default, rename = "clientId")]
    client_id: Option<String>,
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

    /// How many messages of a chat room were changed, and the last change. Index:
    /// `chatRoom_rev`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_changed(&self, room: ChatRoomId) -> Result<(i64, i64), Error> {
        let stages = vec![
            doc! { "$match": { "chatRoom": room, "rev": { "$exists": true } } },
            doc! { "$group": { "_id": null, "count": { "$sum": 1_i64 }, "last": { "$max": "$rev" } } },
        ];
        let name = "messages.count_changed";
        let found: Vec<Changed> = self.documents.aggregate(name, stages).await?;
        Ok(found
            .first()
            .map_or((0, 0), |found| (found.count, found.last)))
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
    ) -> Result<Vec<(Redaction, Option<String>)>, Error> {
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
            doc! { "$project": { "seq": 1, "clientId": 1 } },
        ];
        let found: Vec<Redactable> = self
            .documents
            .aggregate("messages.list_redactable", stages)
            .await?;
        let found = found.into_iter().map(|found| {
            let redaction = Redaction {
                id: found.id,
                seq: found.seq,
                client_id: None,
            };
            (redaction, found.client_id)
        });
        Ok(found.collect())
    }

    /// Lists those that are not redacted yet, in their order. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_unredacted(
        &self,
        room: ChatRoomId,
        redactions: &[Redaction],
    ) -> Result<Vec<Redaction>, Error> {
        let ids: Vec<MessageId> = redactions.iter().map(|one| one.id).collect();
        let stages = vec![
            doc! { "$match": {
                "_id": { "$in": ids }, "chatRoom": room, "redacted": { "$ne": true },
            } },
            doc! { "$project": { "seq": 1 } },
        ];
        let name = "messages.list_unredacted";
        let left: Vec<Redactable> = self.documents.aggregate(name, stages).await?;
        let is_left = |one: &&Redaction| left.iter().any(|left| left.id == one.id);
        Ok(redactions.iter().filter(is_left).cloned().collect())
    }

    /// Removes what messages of a chat room say, and gives them the changes after `rev`, in
    /// this order. Returns how many were changed: fewer than there are, when another server
    /// has used one of these numbers meanwhile.
    ///
    /// # Errors
    /// When the database did not confirm it: some may have been changed.
    pub async fn redact(
        &self,
        room: ChatRoomId,
        rev: i64,
        redactions: &[Redaction],
    ) -> Result<usize, Error> {
        let statements = redactions.iter().zip(rev + 1..).map(|(redaction, rev)| {
            let Redaction { id, client_id, .. } = redaction;
            let mut set = doc! { "message": "", "redacted": true, "rev": rev };
            let client_id = client_id.as_ref().map(|id| Bson::from(id.as_str()));
            set.extend(client_id.map(|id| ("clientId".to_owned(), id)));
            doc! {
                "q": { "_id": id, "chatRoom": room, "redacted": { "$ne": true } },
                "u": { "$set": set, "$unset": { "kind": "", "data": "" } },
            }
        });
        let statements: Vec<Document> = statements.collect();
        let name = "messages.redact";
        let written = self
            .bulk
            .update_in_order(name, self.documents.name(), statements, MAINTENANCE_LIMIT)
            .await?;
        Ok(written.changed)
    }
}
