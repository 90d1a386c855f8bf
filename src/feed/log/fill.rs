//! Which messages the next entry has: per chat room everything from the last one in the
//! log up to the last one that this server stored.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;

use super::{Log, LoggedUpTo, MAX_MESSAGES, MAX_ROOMS};
use crate::id::{ChatRoomId, Seq};
use crate::store::{Error, MessageRef};

/// References read at once of a chat room where some are missing.
const REFS_AT_ONCE: i64 = 1_000;
/// Chat rooms of which they are read at the same time.
const ROOMS_AT_ONCE: usize = 8;

impl Log {
    /// The references that are to be written next, those of each chat room without a gap.
    pub(super) async fn complete(&mut self) -> Result<Vec<MessageRef>, Error> {
        // what others stored, they write
        self.pending.rooms.retain(|_, room| room.own > 0);
        self.learn_rooms().await?;
        self.settle();
        let reached = self.fill().await?;
        let mut messages = Vec::new();
        for (id, pending) in &self.pending.rooms {
            let Some(room) = self.rooms.get(id) else {
                continue;
            };
            let up_to = reached.get(id).copied().unwrap_or(pending.own);
            if up_to <= room.seq {
                continue;
            }
            let known = pending.known.range(room.seq + 1..=up_to);
            let left = MAX_MESSAGES - messages.len();
            messages.extend(known.map(|(_, reference)| *reference).take(left));
            if messages.len() >= MAX_MESSAGES {
                break;
            }
        }
        Ok(messages)
    }

    /// Makes sure that it is known up to where the log contains the chat rooms.
    async fn learn_rooms(&mut self) -> Result<(), Error> {
        let unknown = self.pending.rooms.keys();
        let unknown = unknown.filter(|id| !is_known(&self.rooms, id)).copied();
        let unknown: Vec<ChatRoomId> = unknown.collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let found = self.deps.store.chat_rooms.list_logged(&unknown).await?;
        for document in found {
            let pending = self.pending.rooms.get(&document.id);
            let first = pending.and_then(|pending| pending.known.keys().next().copied());
            let (Some(members), Some(pending)) = (document.members(), pending) else {
                continue;
            };
            // one that does not say is from before the log, like all that was said there
            let seq = document.logged.unwrap_or(first.unwrap_or(pending.own) - 1);
            // what was read of it may not be noted there yet, and what was not, is
            let read = self.rooms.get(&document.id).map(|room| room.seq);
            let logged = LoggedUpTo {
                members: Some(members),
                seq: read.map_or(seq, |read| read.max(seq)),
                used: Instant::now(),
            };
            self.rooms.insert(document.id, logged);
        }
        // an operator removed the others
        let rooms = &self.rooms;
        self.pending.rooms.retain(|id, _| is_known(rooms, id));
        Ok(())
    }

    /// Forgets some chat rooms, if there are too many: those that were not in the log for long.
    pub(super) fn forget_idle(&mut self) {
        if self.rooms.len() < MAX_ROOMS {
            return;
        }
        let mut used: Vec<Instant> = self.rooms.values().map(|room| room.used).collect();
        used.sort_unstable();
        if let Some(median) = used.get(used.len() / 2).copied() {
            let pending = &self.pending.rooms;
            self.rooms
                .retain(|id, room| room.used > median || pending.contains_key(id));
        }
    }

    /// Reads what is missing; up to where each of those chat rooms is complete now.
    async fn fill(&mut self) -> Result<HashMap<ChatRoomId, Seq>, Error> {
        let gaps = self.pending.rooms.iter().filter_map(|(id, pending)| {
            let logged = self.rooms.get(id)?.seq;
            let mut expected = logged + 1;
            for seq in pending.known.range(..=pending.own).map(|(seq, _)| *seq) {
                if seq != expected {
                    break;
                }
                expected += 1;
            }
            (expected <= pending.own).then_some((*id, expected - 1, pending.own))
        });
        let gaps: Vec<(ChatRoomId, Seq, Seq)> = gaps.collect();
        let messages = self.deps.store.messages.clone();
        let filled: Vec<_> = futures::stream::iter(gaps)
            .map(async |(id, after, own)| {
                let read = messages.list_refs(id, after, own + 1, REFS_AT_ONCE);
                Ok::<_, Error>((id, own, read.await?))
            })
            .buffer_unordered(ROOMS_AT_ONCE)
            .try_collect()
            .await?;
        let mut reached = HashMap::new();
        for (id, own, read) in filled {
            let is_whole = read.len() < usize::try_from(REFS_AT_ONCE).unwrap_or(usize::MAX);
            let last = read.last().map_or(own, |last| last.seq);
            // what is still missing then, somebody has removed
            reached.insert(id, if is_whole { own } else { last });
            let (Some(pending), Some(room)) =
                (self.pending.rooms.get_mut(&id), self.rooms.get_mut(&id))
            else {
                continue;
            };
            let read = read.into_iter().map(|reference| (reference.seq, reference));
            pending.known.extend(read);
            if room.seq < own && pending.known.range(room.seq + 1..=own).next().is_none() {
                room.seq = own;
            }
        }
        Ok(reached)
    }
}

/// Whether it is known of a chat room what is needed to write about it.
fn is_known(rooms: &HashMap<ChatRoomId, LoggedUpTo>, id: &ChatRoomId) -> bool {
    rooms.get(id).is_some_and(|room| room.members.is_some())
}
