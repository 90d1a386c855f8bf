//! What people who are here need not be told when a lane reads a chat room first.
//!
//! What another node stored since somebody's login here is still to be told to him. He
//! has what the login brought and what he confirmed before: of a long absence that is
//! all that was said meanwhile, and telling it again would fill his outbox, and that of
//! whoever wrote it.

use std::collections::HashSet;
use std::time::Duration;

use bson::DateTime;

use super::command::{Known, Member, Stored};
use super::cursor::Cursor;
use super::inbox::Overdue;
use super::lane::Lane;
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::{Error, Message};

/// What was stored longer ago than this is brought by a login that is under way: no
/// login takes as long, and no two servers' clocks should be so far apart.
const BEFORE_LOGIN: Duration = Duration::from_mins(1);

impl Lane {
    /// Notes from where on rooms that were just read are to be told.
    pub(super) async fn note_known(
        &mut self,
        rooms: HashSet<ChatRoomId>,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        for room in &rooms {
            let noted = self.note_known_of(*room, waiting).await;
            if !matches!(noted, Some(Ok(()))) {
                // they are to be read again as if for the first time
                for room in &rooms {
                    self.rooms.forget(*room);
                }
                return noted;
            }
        }
        Some(Ok(()))
    }

    async fn note_known_of(
        &mut self,
        id: ChatRoomId,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<(), Error>> {
        let Some(room) = self.rooms.get(id) else {
            return Some(Ok(()));
        };
        let (members, last, last_at) = (room.members(), room.last, room.last_at);
        let outlet = self.outlet();
        let known = members.into_iter().map(|one| (one, outlet.known(id, one)));
        let known: Vec<(ChatUserId, Known)> = known.collect();
        let before = self.before_logins();
        let at_login = if known.iter().any(|(_, known)| known.logging_in) && last_at >= before {
            let messages = self.with.store.messages.clone();
            let find = async move { messages.find_last_before(id, before).await };
            match self.inbox.wait(find, waiting).await? {
                Ok(found) => found.map_or(0, |message| message.seq),
                Err(error) => return Some(Err(error)),
            }
        } else {
            last
        };
        let Some(room) = self.rooms.get(id) else {
            return Some(Ok(()));
        };
        for (member, known) in known {
            let login = known.logging_in.then_some(at_login);
            let Some(brought) = known.up_to.into_iter().chain(login).min() else {
                continue; // not here
            };
            let confirmed = room.cursors.get(&member).map_or(0, Cursor::delivered);
            let had = brought.max(confirmed);
            room.told = room.told.min(had);
            room.had.push((member, had));
        }
        if room.told >= room.last {
            room.had = Vec::new();
        }
        Some(Ok(()))
    }

    /// What was stored before this time, a login that is under way brings.
    fn before_logins(&self) -> DateTime {
        let margin = i64::try_from(BEFORE_LOGIN.as_millis()).unwrap_or(i64::MAX);
        let now = self.with.clock.now().timestamp_millis();
        DateTime::from_millis(now.saturating_sub(margin))
    }

    /// A message that this node has not told about, and who need not be told.
    pub(super) fn found(&mut self, message: Message, members: &[Member; 2]) -> Stored {
        let room = self.rooms.get(message.chat_room);
        let had = room.map(|room| room.had.as_slice()).unwrap_or_default();
        let known_to = had.iter().find(|(_, had)| message.seq <= *had);
        Stored {
            known_to: known_to.map(|(member, _)| *member),
            ..Stored::between(message, members)
        }
    }
}
