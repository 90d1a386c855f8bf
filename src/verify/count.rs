//! What is asked about many chat rooms at once: members, unread counts.

use std::collections::{HashMap, HashSet};

use super::VerifyError;
use super::room::Walk;
use super::run::Run;
use super::suspect::Suspect;
use crate::id::{ChatRoomId, ChatUserId};
use crate::store::messages;

impl Run<'_> {
    /// Looks for the members of chat rooms, and compares their unread counts.
    pub(super) async fn count(&mut self, walks: &[Walk]) -> Result<(), VerifyError> {
        let members = walks.iter().filter_map(|walk| walk.members).flatten();
        let members: HashSet<ChatUserId> = members.collect();
        let members: Vec<ChatUserId> = members.into_iter().collect();
        if members.is_empty() {
            return Ok(());
        }
        let existing = self.store.chat_users.list_existing(&members).await?;
        for walk in walks {
            let members = walk.members.into_iter().flatten();
            let missing = members.filter(|member| !existing.contains(member));
            self.suspects.extend(missing.map(|user| Suspect::Member {
                room: walk.room,
                user,
            }));
        }
        // without the index the server's own counts are those of a full scan
        if self.is_sound(messages::UNREAD) {
            self.unread(walks, &members).await?;
        }
        Ok(())
    }

    async fn unread(&mut self, walks: &[Walk], members: &[ChatUserId]) -> Result<(), VerifyError> {
        let rooms: Vec<ChatRoomId> = walks.iter().map(|walk| walk.room).collect();
        let counts = self.store.messages.count_unread_in(members, &rooms).await?;
        let counts = counts.into_iter().map(|(room, to, n)| ((room, to), n));
        let counts: HashMap<(ChatRoomId, ChatUserId), u64> = counts.collect();
        for walk in walks {
            let members = walk.members.into_iter().flatten();
            for (to, not_read) in members.zip(walk.not_read) {
                let counted = counts.get(&(walk.room, to)).copied().unwrap_or_default();
                if counted != not_read {
                    self.suspects.push(Suspect::Unread {
                        room: walk.room,
                        to,
                        up_to: walk.tail.seq,
                    });
                }
            }
        }
        Ok(())
    }
}
