//! Updates written behind: many in one round trip, never awaited by an answer.

mod queue;
mod repeats;

use std::collections::HashMap;
use std::time::Duration;

use bson::{Bson, DateTime, doc};

use super::bulk::BulkWriter;
use super::error::Error;
use super::{chat_rooms, chat_users};
use crate::domain::{Head, Members, ReadStep};
use crate::id::{ChatRoomId, ChatUserId, Seq};

pub use queue::WriteBehindQueue;

/// How long to wait for one command: its answer may be lost on a connection that stays
/// open, and everything that other nodes are to learn would wait with it. A later command
/// may overtake it then: heads and cursors only grow, and presence is written once more
/// (see [`repeats`]).
const LONGEST: Duration = Duration::from_millis(1_500);

/// The changes of a chat room since the last write.
#[derive(Clone, Debug)]
pub struct RoomProgress {
    /// The two people.
    pub members: Members,
    /// The last message.
    pub head: Option<Head>,
    /// Delivered cursors that moved.
    pub delivered: HashMap<ChatUserId, Seq>,
    /// Receipts, to be stored with their time.
    pub steps: Vec<(ChatUserId, ReadStep)>,
}

impl RoomProgress {
    /// No changes yet.
    pub fn new(members: Members) -> Self {
        Self {
            members,
            head: None,
            delivered: HashMap::new(),
            steps: Vec::new(),
        }
    }
}

/// The change of a person's presence since the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceChange {
    /// The person has a socket on this node, and had last gone offline at this time.
    Online(Option<DateTime>),
    /// The person's last socket on this node closed at this time.
    Offline(DateTime),
}

/// Writes progress and presence on a majority: a write that only a primary has would be
/// lost with it, and nothing would ever repeat it.
#[derive(Clone, Debug)]
pub struct BulkWrites {
    bulk: BulkWriter,
    rooms: String,
    users: String,
}

impl BulkWrites {
    pub(super) fn new(bulk: BulkWriter, rooms: String, users: String) -> Self {
        Self { bulk, rooms, users }
    }

    /// Moves heads and cursors forward, never back, whatever is stored, and stores receipts.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer; repeating the write is harmless.
    pub async fn rooms(&self, moved: &HashMap<ChatRoomId, RoomProgress>) -> Result<(), Error> {
        let mut statements = Vec::with_capacity(moved.len());
        for (room, progress) in moved {
            if progress.head.is_some() || !progress.delivered.is_empty() {
                statements.push(chat_rooms::progress(*room, progress));
            }
            let steps = progress.steps.iter();
            statements.extend(
                steps.map(|(member, step)| {
                    chat_rooms::step(*room, progress.members, *member, *step)
                }),
            );
        }
        let name = "behind.rooms";
        let written = self.bulk.update(name, &self.rooms, statements, LONGEST);
        written.await.map(drop)
    }

    /// Writes who came online and went offline on the node `boot`; later reads show it.
    ///
    /// # Errors
    /// When the database cannot be reached or did not answer; repeating the write is harmless.
    pub async fn presence(
        &self,
        boot: &str,
        changes: &HashMap<ChatUserId, PresenceChange>,
    ) -> Result<(), Error> {
        let statements = changes.iter().map(|(user, change)| {
            let update: Bson = match change {
                PresenceChange::Online(left) => chat_users::online(boot, *left),
                PresenceChange::Offline(at) => chat_users::offline(boot, *at),
            };
            doc! { "q": { "_id": user }, "u": update }
        });
        let statements = statements.collect();
        let name = "behind.presence";
        let written = self.bulk.update(name, &self.users, statements, LONGEST);
        written.await.map(drop)
    }
}
