//! People who are online on a node that has ended.

use std::collections::HashSet;

use super::{Look, Looker, found};
use crate::id::ChatUserId;
use crate::store::Error;
use crate::store::chat_users::ScannedUser;
use crate::verify::people::is_ghost;
use crate::verify::{Check, Finding};

impl Looker {
    pub(super) async fn presence(&self, id: ChatUserId, mend: bool) -> Result<Look, Error> {
        // a node takes its lease before it writes anybody online, and writes everybody
        // offline before it gives up its lease
        let before = self.alive().await?;
        let Some(person) = self.store.chat_users.find_scanned(id).await? else {
            return Ok(Look::Fine);
        };
        let mut alive = self.alive().await?;
        alive.extend(before);
        if !is_ghost(&person, &alive) {
            return Ok(Look::Fine);
        }
        let detail = if person.nodes.is_empty() {
            "online with no node"
        } else {
            "online with a node that has no lease"
        };
        let mut finding = Finding::new(Check::Presence, detail).of("chatUser", id);
        if mend {
            finding.repaired = Some(self.take_off(id, &person, &alive).await?);
        }
        Ok(found(finding))
    }

    async fn alive(&self) -> Result<HashSet<String>, Error> {
        let alive = self.store.nodes.list_renewed().await?;
        Ok(alive.into_iter().map(|node| node.boot).collect())
    }

    /// Takes a person off the nodes that have ended, as their successors would.
    async fn take_off(
        &self,
        id: ChatUserId,
        person: &ScannedUser,
        alive: &HashSet<String>,
    ) -> Result<bool, Error> {
        let people = &self.store.chat_users;
        if person.nodes.is_empty() {
            return people.take_off(id, None, self.now).await;
        }
        let expired = self.store.nodes.list_expired().await?;
        let mut all = true;
        for boot in person.nodes.iter().filter(|boot| !alive.contains(*boot)) {
            let mut at = self.now;
            if let Some(node) = expired.iter().find(|node| node.boot == *boot) {
                // from here on its holder can no longer renew it
                if !self.store.nodes.end_expired(node).await? {
                    all = false;
                    continue;
                }
                at = node.renewed_at;
            }
            all &= people.take_off(id, Some(boot), at).await?;
        }
        Ok(all)
    }
}
