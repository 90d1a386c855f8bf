//! What sockets here have when a chat room is taken up.
//!
//! What another node stored since somebody's login here is still to be announced to
//! them. They have what the login contained: after a long absence that is all that was
//! said meanwhile, and to announce it again would fill their outbox, and that of whoever
//! wrote it. What is confirmed and was not stored just now was announced here, too. What was
//! stored just now may be confirmed by another device of theirs, or be their own.

use std::collections::{HashMap, HashSet};

use super::{Feed, LoginState};
use crate::id::{ChatRoomId, Seq};
use crate::rooms::{JUST_NOW, Opening};
use crate::store::Error;

/// Up to which position a person here has the messages of a chat room, or will have when
/// their login is over; `None` if they are not here. What is confirmed counts up to where
/// nothing was stored just now.
fn had_by(state: LoginState, confirmed: Seq, settled: Seq) -> Option<Seq> {
    let login = state.logging_in.then_some(settled);
    let contained = state.up_to.into_iter().chain(login).min()?;
    Some(contained.max(confirmed.min(settled)))
}

impl Feed {
    /// Up to which position everybody who is here has the messages of these chat rooms, or
    /// will have when their login is over. Nothing of chat rooms whose members are not here.
    pub(super) async fn baselines(
        &self,
        rooms: &[Opening],
    ) -> Result<HashMap<ChatRoomId, Seq>, Error> {
        let members = rooms.iter().flat_map(|opening| {
            opening.delivered.iter().map(move |(member, delivered)| {
                let state = self.sockets.login_state(opening.document.id, *member);
                (opening, *delivered, state)
            })
        });
        let members: Vec<(&Opening, Seq, LoginState)> = members.collect();
        let just_now = self.clock.ago(JUST_NOW);
        // the only ones of which a socket may lack what counts as contained or confirmed
        let fresh = members.iter().filter(|(opening, delivered, state)| {
            let is_open = state.logging_in || state.up_to.is_some_and(|up_to| up_to < *delivered);
            is_open && opening.head.seq > 0 && opening.head.at >= just_now
        });
        let fresh: HashSet<ChatRoomId> = fresh.map(|(opening, ..)| opening.document.id).collect();
        let asked: Vec<ChatRoomId> = fresh.iter().copied().collect();
        let older = self
            .store
            .messages
            .list_last_before(&asked, just_now)
            .await?;
        let mut had: HashMap<ChatRoomId, Seq> = HashMap::new();
        for (opening, delivered, state) in members {
            let room = opening.document.id;
            let settled = if fresh.contains(&room) {
                older.get(&room).copied().unwrap_or_default()
            } else {
                opening.head.seq
            };
            let Some(has) = had_by(state, delivered, settled) else {
                continue;
            };
            let all = had.entry(room).or_insert(has);
            *all = has.min(*all);
        }
        Ok(had)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(up_to: Option<Seq>, logging_in: bool) -> LoginState {
        LoginState { up_to, logging_in }
    }

    #[test]
    fn what_a_login_contained_is_had_and_what_was_confirmed_unless_it_was_stored_just_now() {
        assert_eq!(had_by(state(None, false), 9, 9), None);
        assert_eq!(had_by(state(Some(3), false), 0, 9), Some(3));
        assert_eq!(had_by(state(Some(3), false), 5, 9), Some(5));
        assert_eq!(had_by(state(Some(3), false), 9, 5), Some(5));
        assert_eq!(had_by(state(Some(7), false), 9, 5), Some(7));
    }

    #[test]
    fn one_who_logs_in_will_have_what_was_not_stored_just_now() {
        assert_eq!(had_by(state(None, true), 0, 5), Some(5));
        assert_eq!(had_by(state(Some(3), true), 0, 5), Some(3));
        assert_eq!(had_by(state(Some(7), true), 0, 5), Some(5));
    }
}
