//! What logins here contained when a chat room is taken up.
//!
//! What another node stored since somebody's login here is still to be announced to
//! them. They have what the login contained: after a long absence that is all that was
//! said meanwhile, and to announce it again would fill their outbox, and that of whoever
//! wrote it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bson::DateTime;

use super::Feed;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::rooms::Opening;
use crate::store::Error;

/// What was stored longer ago than this is in a login that is under way: a
/// minute for the longest login there can be, and one for clocks of two servers.
const BEFORE_LOGIN: Duration = Duration::from_mins(2);

/// The last position of a chat room that a member's logins contained; nothing of who is
/// not here.
pub(super) type LoginBaseline = HashMap<(ChatRoomId, ChatUserId), Seq>;

impl Feed {
    /// What logins contained of these chat rooms, or will contain while they are under way.
    pub(super) async fn login_baseline(&self, rooms: &[Opening]) -> Result<LoginBaseline, Error> {
        let members = rooms.iter().flat_map(|opening| {
            let members = opening.document.members.ids().into_iter();
            members.map(move |member| (opening, member))
        });
        let states: Vec<_> = members
            .map(|(opening, member)| {
                let state = self.sockets.login_state(opening.document.id, member);
                (opening, member, state)
            })
            .collect();
        let before = self.before_logins();
        // the only ones of which a login under way may not contain everything
        let fresh = states.iter().filter(|(opening, _, state)| {
            state.logging_in && opening.head.seq > 0 && opening.head.at >= before
        });
        let fresh: HashSet<ChatRoomId> = fresh.map(|(opening, ..)| opening.document.id).collect();
        let asked: Vec<ChatRoomId> = fresh.iter().copied().collect();
        let older = self.store.messages.list_last_before(&asked, before).await?;
        let login = |opening: &Opening| {
            let room = opening.document.id;
            if fresh.contains(&room) {
                older.get(&room).copied().unwrap_or_default()
            } else {
                opening.head.seq
            }
        };
        let baseline = states.iter().filter_map(|(opening, member, state)| {
            let login = state.logging_in.then(|| login(opening));
            let contained = state.up_to.into_iter().chain(login).min()?;
            Some(((opening.document.id, *member), contained))
        });
        Ok(baseline.collect())
    }

    /// What was stored before this time is in a login that is under way.
    fn before_logins(&self) -> DateTime {
        let margin = i64::try_from(BEFORE_LOGIN.as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now().timestamp_millis();
        DateTime::from_millis(now.saturating_sub(margin))
    }
}
