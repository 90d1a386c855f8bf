//! Chat rooms and their messages, in parallel in the order of the rooms' ids.

use super::room::Walk;
use super::run::Run;
use super::state::Phase;
use super::suspect::Suspect;
use super::{Check, Finding, VerifyError};
use crate::id::ChatRoomId;
use crate::store::chat_rooms::ScannedRoom;
use crate::store::messages::Scanned;
use crate::store::{Scan, shown};

/// Chat rooms whose members are queried at once.
const PORTION: usize = 500;
/// Messages between two checks of the bounds.
const STRIDE: u64 = 1_000;

impl Run<'_> {
    /// Goes through the messages that name no chat room.
    pub(super) async fn roomless(&mut self) -> Result<(), VerifyError> {
        let mut messages = self.store.messages.scan_roomless();
        while let Some(message) = messages.next().await? {
            self.report.checked.messages += 1;
            let detail = "`chatRoom` is missing or no chat room's id";
            let finding = Finding::new(Check::Orphan, detail).of("message", shown(&message.id));
            self.suspects.push(Suspect::Sure(finding));
            self.midway().await?;
        }
        Ok(())
    }

    /// Goes through the chat rooms after the given one.
    pub(super) async fn rooms(&mut self, after: Option<ChatRoomId>) -> Result<(), VerifyError> {
        let mut rooms = self.store.chat_rooms.scan(after);
        let mut messages = self.store.messages.scan(after);
        let mut done: Vec<Walk> = Vec::with_capacity(PORTION);
        loop {
            let room = rooms.peek().await?.and_then(|room| room.id);
            let message = messages.peek().await?.and_then(|message| message.room);
            let id = match (room, message) {
                (None, None) => break,
                (Some(room), Some(message)) => room.min(message),
                (Some(id), None) | (None, Some(id)) => id,
            };
            if room == Some(id) {
                if let Some(room) = rooms.next().await? {
                    done.push(self.room(id, &room, &mut messages).await?);
                }
            } else {
                self.orphans(id, &mut messages).await?;
            }
            if done.len() >= PORTION || self.is_due() {
                self.count(&done).await?;
                done.clear();
                self.boundary(Phase::Rooms(Some(id))).await?;
            }
        }
        self.count(&done).await
    }

    /// Walks through the messages of a chat room.
    async fn room(
        &mut self,
        id: ChatRoomId,
        room: &ScannedRoom,
        messages: &mut Scan<Scanned>,
    ) -> Result<Walk, VerifyError> {
        self.report.checked.rooms += 1;
        if room.members.is_none() {
            let detail = "`chatUsers` is not two chat users' ids";
            let finding = Finding::new(Check::Malformed, detail).of("chatRoom", id);
            self.suspects.push(Suspect::Sure(finding));
        } else if !room.fits() {
            let detail = "`pair` is not that of `chatUsers`";
            let finding = Finding::new(Check::Pair, detail).of("chatRoom", id);
            self.suspects.push(Suspect::Sure(finding));
        }
        let mut walk = Walk::new(id, room);
        while let Some(message) = next_of(id, messages).await? {
            walk.step(&message, &mut self.suspects);
            self.count_message().await?;
        }
        let counts_at = |seq| walk.counts_at(seq);
        if !super::look::faults(room, &walk.tail, &walk.tail, counts_at).is_empty() {
            self.suspects.push(Suspect::Room {
                id,
                tail: walk.tail,
            });
        }
        if !walk.knows_changes(room) {
            self.suspects.push(Suspect::Changes { room: id });
        }
        Ok(walk)
    }

    /// Skips the messages of a chat room that does not exist.
    async fn orphans(
        &mut self,
        id: ChatRoomId,
        messages: &mut Scan<Scanned>,
    ) -> Result<(), VerifyError> {
        let mut first = None;
        let mut count = 0;
        while let Some(message) = next_of(id, messages).await? {
            first.get_or_insert_with(|| shown(&message.id));
            count += 1;
            self.count_message().await?;
        }
        self.suspects.push(Suspect::Orphans {
            room: id,
            first: first.unwrap_or_default(),
            count,
        });
        Ok(())
    }

    async fn count_message(&mut self) -> Result<(), VerifyError> {
        self.report.checked.messages += 1;
        if self.report.checked.messages.is_multiple_of(STRIDE) {
            self.midway().await?;
        }
        Ok(())
    }
}

/// The next message, if it belongs to this chat room.
async fn next_of(
    id: ChatRoomId,
    messages: &mut Scan<Scanned>,
) -> Result<Option<Scanned>, VerifyError> {
    match messages.peek().await? {
        Some(message) if message.room == Some(id) => Ok(messages.next().await?),
        _ => Ok(None),
    }
}
