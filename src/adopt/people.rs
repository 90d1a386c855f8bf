//! Chat users: the oldest of each person is taken over, offline.

use bson::Bson;

use super::AdoptError;
use super::Step;
use super::run::Run;
use crate::id::{ChatUserId, UserId};
use crate::store::adopt::{Kind, OldUser, Reason, Twins, Which};
use crate::store::{ChatUser, PresenceStatus};

/// Chat users stored at once.
const PORTION: usize = 1_000;

impl Run<'_> {
    /// Takes the chat users over, from the first that is not stored.
    pub(super) async fn people(&mut self, twins: &Twins) -> Result<(), AdoptError> {
        let adoption = self.adoption;
        adoption
            .set_aside(Kind::ChatUsers, Which::WithoutId, Reason::Malformed)
            .await?;
        let after = adoption.find_last_user().await?;
        let mut old = adoption.scan_users(after);
        let mut portion: Vec<OldUser> = Vec::with_capacity(PORTION);
        loop {
            let next = old.next().await?;
            let ended = next.is_none();
            portion.extend(next);
            if portion.len() < PORTION && !ended {
                continue;
            }
            self.take_people(&portion, twins).await?;
            portion.clear();
            self.done(Step::People)?;
            if ended {
                return Ok(());
            }
        }
    }

    async fn take_people(&self, people: &[OldUser], twins: &Twins) -> Result<(), AdoptError> {
        let mut users = Vec::with_capacity(people.len());
        let (mut merged, mut malformed) = (Vec::new(), Vec::new());
        for old in people {
            let Some(id) = old.id else { continue };
            match self.judge(old, id, twins) {
                Ok(user) => users.push(ChatUser {
                    id,
                    user,
                    status: PresenceStatus::Offline,
                    last_online: old.last_online,
                    nodes: Vec::new(),
                    changed_at: None,
                    changed_by: None,
                }),
                Err(Reason::Merged) => merged.push(Bson::from(id)),
                Err(_) => malformed.push(Bson::from(id)),
            }
        }
        // in this order: the last that is stored says where to go on
        for (ids, reason) in [(merged, Reason::Merged), (malformed, Reason::Malformed)] {
            self.set_aside(Kind::ChatUsers, ids, reason).await?;
        }
        Ok(self.adoption.insert_users(&users).await?)
    }

    /// The application's user of a chat user that is taken over.
    ///
    /// # Errors
    /// With the reason why it is not.
    pub(super) fn judge(
        &self,
        old: &OldUser,
        id: ChatUserId,
        twins: &Twins,
    ) -> Result<UserId, Reason> {
        let user = self.adoption.user_of(old).ok_or(Reason::Malformed)?;
        if twins.is_merged(id) {
            return Err(Reason::Merged);
        }
        Ok(user)
    }
}
