//! What belongs to no pair: chat rooms with oneself, messages without a chat room.

use std::collections::HashSet;

use bson::Bson;

use super::run::Run;
use super::{AdoptError, Step};
use crate::id::ChatRoomId;
use crate::store::adopt::{Kind, Reason, TwinRooms, Twins, Which};

/// Chat rooms looked up at once.
const PORTION: usize = 1_000;

impl Run<'_> {
    /// Sets aside what belongs to no pair. The pairs have to be complete.
    pub(super) async fn strays(
        &mut self,
        twins: &Twins,
        rooms: TwinRooms,
    ) -> Result<(), AdoptError> {
        for (ids, reason) in [
            (rooms.with_oneself, Reason::ToOneself),
            (rooms.malformed, Reason::Malformed),
        ] {
            for some in ids.chunks(PORTION) {
                self.set_aside(Kind::ChatRooms, some.to_vec(), reason)
                    .await?;
            }
        }
        let adoption = self.adoption;
        for (which, reason) in [
            (Which::WithOneself(twins), Reason::ToOneself),
            (Which::WithoutMembers(twins), Reason::Malformed),
        ] {
            adoption.set_aside(Kind::ChatRooms, which, reason).await?;
        }
        let mut named = adoption.scan_named_rooms();
        let mut portion = Vec::with_capacity(PORTION);
        loop {
            let next = named.next().await?;
            let ended = next.is_none();
            portion.extend(next);
            if portion.len() < PORTION && !ended {
                continue;
            }
            self.set_strays_aside(&portion, twins).await?;
            portion.clear();
            self.heed_stop()?;
            if ended {
                return self.done(Step::Strays);
            }
        }
    }

    async fn set_strays_aside(&self, named: &[Bson], twins: &Twins) -> Result<(), AdoptError> {
        let adoption = self.adoption;
        let ids: Vec<ChatRoomId> = named.iter().filter_map(room_id).collect();
        let mut kept = adoption.list_rooms(ids.clone()).await?;
        kept.extend(adoption.list_merged(&ids).await?);
        let existing = adoption.list_old_rooms(ids, twins).await?;
        let existing: HashSet<ChatRoomId> = existing.iter().map(|room| room.id).collect();
        let (mut set_aside, mut missing) = (Vec::new(), Vec::new());
        for room in named {
            match room_id(room) {
                Some(id) if kept.contains(&id) => {}
                Some(id) if existing.contains(&id) => set_aside.push(room.clone()),
                _ => missing.push(room.clone()),
            }
        }
        for (rooms, reason) in [
            (set_aside, Reason::RoomSetAside),
            (missing, Reason::WithoutRoom),
        ] {
            if !rooms.is_empty() {
                let which = Which::OfRooms(rooms);
                adoption.set_aside(Kind::Messages, which, reason).await?;
            }
        }
        Ok(())
    }
}

fn room_id(named: &Bson) -> Option<ChatRoomId> {
    let id = named.as_object_id()?;
    Some(ChatRoomId::from_bytes(id.bytes()))
}
