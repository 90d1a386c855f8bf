//! What logins here contained when a lane reads a chat room for the first time.
//!
//! What another node stored since somebody's login here is still to be announced to
//! them. They have what the login contained: after a long absence that is all that was
//! said meanwhile, and to announce it again would fill their outbox, and that of whoever
//! wrote it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bson::DateTime;

use super::inbox::Overdue;
use super::lane::Lane;
use crate::domain::Message;
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::store::{ChatRoom, Error};

/// What was stored longer ago than this is in a login that is under way: a
/// minute for the longest login there can be, and one for clocks of two servers.
const BEFORE_LOGIN: Duration = Duration::from_mins(2);

/// The last position of a chat room that a member's logins contained; nothing of who is
/// not here.
pub(super) type LoginBaseline = HashMap<(ChatRoomId, ChatUserId), Seq>;

impl Lane {
    /// What logins contained of those of these chat rooms that are new to the lane, or will
    /// contain while they are under way.
    pub(super) async fn login_baseline(
        &mut self,
        rooms: &[ChatRoom],
        heads: &HashMap<ChatRoomId, &Message>,
        waiting: &mut (impl Overdue + Send),
    ) -> Option<Result<LoginBaseline, Error>> {
        let outlet = std::sync::Arc::clone(&self.deps.outlet);
        let is_new = |room: &&ChatRoom| !self.rooms.has(room.id);
        let members = rooms.iter().filter(is_new).flat_map(|room| {
            let members = room.members.ids().into_iter();
            members.map(|member| (room.id, member))
        });
        let known = members.map(|key| (key, outlet.login_state(key.0, key.1)));
        let known: Vec<_> = known.collect();
        let before = self.before_logins();
        let head = |room: &ChatRoomId| heads.get(room).copied();
        // the only ones of which a login under way may not contain everything
        let fresh = known.iter().filter(|(_, known)| known.logging_in);
        let fresh = fresh.map(|((room, _), _)| *room);
        let fresh = fresh.filter(|room| head(room).is_some_and(|head| head.created_at >= before));
        let fresh: HashSet<ChatRoomId> = fresh.collect();
        let asked: Vec<ChatRoomId> = fresh.iter().copied().collect();
        let messages = self.deps.store.messages.clone();
        let older = async { messages.list_last_before(&asked, before).await };
        let older = match self.inbox.wait(older, waiting).await? {
            Ok(older) => older,
            Err(error) => return Some(Err(error)),
        };
        let login = |room: &ChatRoomId| {
            if fresh.contains(room) {
                older.get(room).copied().unwrap_or_default()
            } else {
                head(room).map_or(0, |head| head.seq)
            }
        };
        let baseline = known.iter().filter_map(|(key, known)| {
            let login = known.logging_in.then(|| login(&key.0));
            Some((*key, known.up_to.into_iter().chain(login).min()?))
        });
        Some(Ok(baseline.collect()))
    }

    /// What was stored before this time is in a login that is under way.
    fn before_logins(&self) -> DateTime {
        let margin = i64::try_from(BEFORE_LOGIN.as_millis()).unwrap_or(i64::MAX);
        let now = self.deps.clock.now().timestamp_millis();
        DateTime::from_millis(now.saturating_sub(margin))
    }
}
