//! Queries about many chat rooms at once: their members.

use std::collections::HashSet;

use super::VerifyError;
use super::room::Walk;
use super::run::Run;
use super::suspect::Suspect;
use crate::id::ChatUserId;

impl Run<'_> {
    /// Looks up the members of chat rooms.
    pub(super) async fn count(&mut self, walks: &[Walk]) -> Result<(), VerifyError> {
        let members = walks.iter().filter_map(|walk| walk.members);
        let members = members.flat_map(|members| members.ids());
        let members: HashSet<ChatUserId> = members.collect();
        let members: Vec<ChatUserId> = members.into_iter().collect();
        if members.is_empty() {
            return Ok(());
        }
        let existing = self.store.chat_users.list_existing(&members).await?;
        for walk in walks {
            let members = walk.members.map(|members| members.ids());
            let members = members.into_iter().flatten();
            let missing = members.filter(|member| !existing.contains(member));
            self.suspects.extend(missing.map(|user| Suspect::Member {
                room: walk.room,
                user,
            }));
        }
        Ok(())
    }
}
