//! Messages withheld from their receiver, who had blocked the sender.
//!
//! Such a message has its position in the chat room like any other, and is addressed to
//! [`ChatUserId::NOBODY`]: queries for messages *to* somebody never find it.

use bson::{Document, doc};

use super::{Error, Messages};
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::raw::by_serde;

fn is_seen_by(message: &Message, viewer: ChatUserId) -> bool {
    !message.is_withheld() || message.from == viewer
}

/// The messages that a person may see, among those of their chat rooms.
pub(super) fn seen_by(viewer: ChatUserId) -> Document {
    doc! { "$or": [{ "to": { "$ne": ChatUserId::NOBODY } }, { "from": viewer }] }
}

impl Messages {
    /// Lists the last message that a person sees in each of their chat rooms.
    ///
    /// Like [`Messages::list_last`]; where that message is withheld from the person, the
    /// database looks into the chat room, by index `chatRoom_seq`, in one more query for
    /// all.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_last_seen_by(
        &self,
        viewer: ChatUserId,
        rooms: &[ChatRoomId],
    ) -> Result<Vec<Message>, Error> {
        let mut last = self.list_last(rooms).await?;
        let hidden = last.extract_if(.., |message| !is_seen_by(message, viewer));
        let lookups = hidden.map(|message| {
            let before = doc! { "chatRoom": message.chat_room, "seq": { "$lt": message.seq } };
            vec![
                doc! { "$match": { "$and": [before, seen_by(viewer)] } },
                doc! { "$sort": { "seq": -1 } },
                doc! { "$limit": 1 },
            ]
        });
        let lookups = lookups.collect::<Vec<_>>();
        let seen = self
            .documents
            .look_into("messages.list_last_seen_by", &lookups, &[]);
        last.extend(seen.await?);
        Ok(last)
    }

    /// Lists the positions of withheld messages between two positions in a chat room,
    /// ascending. Index: `chatRoom_seq`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_withheld(
        &self,
        room: ChatRoomId,
        after: Seq,
        before: Seq,
    ) -> Result<Vec<Seq>, Error> {
        #[derive(serde::Deserialize)]
        struct Position {
            seq: Seq,
        }
        by_serde!(Position);
        let pipeline = vec![
            doc! { "$match": {
                "chatRoom": room,
                "seq": { "$gt": after, "$lt": before },
                "to": ChatUserId::NOBODY,
            } },
            doc! { "$sort": { "seq": 1 } },
            doc! { "$project": { "_id": 0, "seq": 1 } },
        ];
        let found: Vec<Position> = self
            .documents
            .aggregate("messages.list_withheld", pipeline)
            .await?;
        Ok(found.into_iter().map(|position| position.seq).collect())
    }
}
