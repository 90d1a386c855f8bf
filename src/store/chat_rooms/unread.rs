//! Unread messages of people, over all their chat rooms.

use std::collections::HashMap;

use bson::{RawDocument, doc};

use super::{ChatRooms, scan};
use crate::domain::{Counts, Members};
use crate::id::ChatUserId;
use crate::store::error::Error;
use crate::store::messages;
use crate::store::raw::{FromRaw, Unreadable};

/// People whose chat rooms are read in one query.
const PEOPLE_AT_ONCE: usize = 100;
/// Chat rooms read in one query.
const ROOMS_AT_ONCE: i64 = 100_000;

/// What a chat room says of unread messages.
struct UnreadIn {
    members: Members,
    sent: Counts,
    /// How many each member has read, by the member's id.
    read: Vec<(ChatUserId, i64)>,
}

impl FromRaw for UnreadIn {
    fn from_raw(document: &RawDocument) -> Result<Self, Unreadable> {
        let members = document.get("chatUsers")?.and_then(scan::members);
        let sent = document.get("lastCounts")?.and_then(messages::counts);
        let cursors = document.get("cursors")?.into_iter().flat_map(scan::cursors);
        let read = cursors.filter_map(|(member, cursors)| {
            ChatUserId::parse(member).map(|member| (member, cursors.read.count))
        });
        Ok(Self {
            members: members.ok_or(Unreadable::Field("chatUsers"))?,
            sent: sent.unwrap_or_default(),
            read: read.collect(),
        })
    }
}

impl UnreadIn {
    /// How many messages a member has not read.
    fn of(&self, member: ChatUserId) -> i64 {
        let other = self.members.position(self.members.other(member));
        let sent = other.map_or(0, |other| *self.sent.of(other));
        let read = self.read.iter().find(|(one, _)| *one == member);
        (sent - read.map_or(0, |(_, count)| *count)).max(0)
    }
}

impl ChatRooms {
    /// Sums up how many messages people have not read, and in how many chat rooms, as the
    /// heads say that were written last. Index: `chatUsers_lastMessageAt`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn list_unread(
        &self,
        people: &[ChatUserId],
    ) -> Result<HashMap<ChatUserId, (i64, i64)>, Error> {
        let mut totals: HashMap<ChatUserId, (i64, i64)> =
            people.iter().map(|who| (*who, (0, 0))).collect();
        for some in people.chunks(PEOPLE_AT_ONCE) {
            let stages = vec![
                doc! { "$match": { "chatUsers": { "$in": some } } },
                doc! { "$limit": ROOMS_AT_ONCE },
                doc! { "$project": { "_id": 0, "chatUsers": 1, "lastCounts": 1, "cursors": 1 } },
            ];
            let rooms = self.documents.aggregate("chat_rooms.list_unread", stages);
            let rooms: Vec<UnreadIn> = rooms.await?;
            for room in &rooms {
                for member in room.members.ids() {
                    // a pair of one chunk comes once, one of two chunks twice
                    let unread = room.of(member);
                    if unread > 0
                        && some.contains(&member)
                        && let Some((messages, chat_rooms)) = totals.get_mut(&member)
                    {
                        *messages += unread;
                        *chat_rooms += 1;
                    }
                }
            }
        }
        Ok(totals)
    }
}
