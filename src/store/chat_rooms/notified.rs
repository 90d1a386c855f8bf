//! Up to where the application was asked to notify the members of a chat room.

use bson::{RawBsonRef, RawDocument, doc};

use super::{ChatRoom, ChatRooms};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::documents::by_id;
use crate::store::error::Error;
use crate::store::raw::{FromRaw, Unreadable};

/// A chat room, and up to where its members were notified.
#[derive(Clone, Debug)]
pub struct NotifiedRoom {
    /// The chat room, with both members' cursors.
    pub room: ChatRoom,
    notified: Vec<(ChatUserId, Seq)>,
}

impl NotifiedRoom {
    /// The position up to which a member was notified and that is not withdrawn, 0 for none.
    pub fn notified(&self, member: ChatUserId) -> Seq {
        let found = self.notified.iter().find(|(one, _)| *one == member);
        found.map_or(0, |(_, seq)| *seq)
    }
}

impl FromRaw for NotifiedRoom {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let mut notified = Vec::new();
        if let Some(members) = document.get("notified")?.and_then(RawBsonRef::as_document) {
            for member in members {
                let (member, seq) = member?;
                notified.extend(ChatUserId::parse(member.as_str()).zip(seq.as_i64()));
            }
        }
        Ok(Self {
            room: ChatRoom::from_raw(document)?,
            notified,
        })
    }
}

impl ChatRooms {
    /// Lists chat rooms by id, with how far their members were notified. Index: `_id_`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_notified(&self, ids: &[ChatRoomId]) -> Result<Vec<NotifiedRoom>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let stages = vec![
            doc! { "$match": { "_id": { "$in": ids } } },
            doc! { "$unset": ["steps"] },
        ];
        let name = "chat_rooms.list_notified";
        self.documents.aggregate(name, stages).await
    }

    /// Lists the chat rooms of people in which somebody was notified. Index: `chatUsers`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_notified_of(
        &self,
        people: &[ChatUserId],
    ) -> Result<Vec<NotifiedRoom>, Error> {
        let stages = vec![
            doc! { "$match": { "chatUsers": { "$in": people }, "notified": { "$exists": true } } },
            doc! { "$unset": ["steps"] },
        ];
        let name = "chat_rooms.list_notified_of";
        self.documents.aggregate(name, stages).await
    }

    /// Notes up to where a member was notified.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn set_notified(
        &self,
        room: ChatRoomId,
        member: ChatUserId,
        seq: Seq,
    ) -> Result<(), Error> {
        let update = doc! { "$set": { field(member): seq } };
        let name = "chat_rooms.set_notified";
        let set = self.documents.update_one(name, by_id(room), update, false);
        set.await.map(drop)
    }

    /// Notes that what a member was notified of up to there is withdrawn.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer.
    pub async fn unset_notified(
        &self,
        room: ChatRoomId,
        member: ChatUserId,
        seq: Seq,
    ) -> Result<(), Error> {
        let filter = doc! { "_id": room, field(member): seq };
        let update = doc! { "$unset": { field(member): "" } };
        let name = "chat_rooms.unset_notified";
        let unset = self.documents.update_one(name, filter, update, false);
        unset.await.map(drop)
    }
}

fn field(member: ChatUserId) -> String {
    format!("notified.{}", member.to_hex())
}
