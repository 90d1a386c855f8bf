//! Chat users: whether their users exist, and whether they are online.

use std::collections::HashSet;

use super::run::Run;
use super::state::Phase;
use super::suspect::Suspect;
use super::{Check, Finding, VerifyError};
use crate::id::ChatUserId;
use crate::store::chat_users::ScannedUser;

/// Chat users looked up at once.
const PORTION: usize = 1_000;

impl Run<'_> {
    /// Goes through the chat users after the given one.
    pub(super) async fn people(&mut self, after: Option<ChatUserId>) -> Result<(), VerifyError> {
        let mut users = self.store.chat_users.scan(after);
        let mut portion: Vec<ScannedUser> = Vec::with_capacity(PORTION);
        loop {
            let next = users.next().await?;
            let ended = next.is_none();
            portion.extend(next);
            if portion.len() < PORTION && !ended {
                continue;
            }
            let last = portion.last().and_then(|user| user.id);
            self.look_at_people(&portion).await?;
            self.report.checked.chat_users += portion.len() as u64;
            portion.clear();
            if ended {
                return Ok(());
            }
            self.boundary(Phase::People(last)).await?;
        }
    }

    async fn look_at_people(&mut self, people: &[ScannedUser]) -> Result<(), VerifyError> {
        let users = people.iter().filter_map(|person| person.user.clone());
        let users = self.store.users.list_existing(users.collect());
        let (users, alive) = futures::try_join!(users, self.store.nodes.list_renewed())?;
        let alive: HashSet<String> = alive.into_iter().map(|node| node.boot).collect();
        for person in people {
            let Some(id) = person.id else { continue };
            match &person.user {
                None => {
                    let detail = "`user` is missing or no user's id";
                    let finding = Finding::new(Check::Malformed, detail).of("chatUser", id);
                    self.suspects.push(Suspect::Sure(finding));
                }
                Some(user) if user.is_erased() => {}
                Some(user) if !users.contains(user) => {
                    let detail = "the application's user is gone";
                    let finding = Finding::new(Check::UserGone, detail).of("chatUser", id);
                    let finding = finding.of("user", user.to_key());
                    self.suspects.push(Suspect::Sure(finding));
                }
                Some(_) => {}
            }
            if is_ghost(person, &alive) {
                self.suspects.push(Suspect::Presence { user: id });
            }
        }
        Ok(())
    }
}

/// Whether somebody is online without a living node that holds them, or with a dead one as well.
pub(super) fn is_ghost(person: &ScannedUser, alive: &HashSet<String>) -> bool {
    person.online
        && (person.nodes.is_empty() || person.nodes.iter().any(|boot| !alive.contains(boot)))
}
