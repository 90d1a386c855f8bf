//! Who was just shown to whom, to be looked at once more.
//!
//! An answer that describes somebody and the news that he came or went are
//! written by different tasks: the older one may arrive last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Announce, Announcement, Presence};
use crate::id::ChatUserId;
use crate::store::{ChatUser, Presence as Status, User};

/// Longer than an answer takes from its making to the socket's buffer.
const ANSWER_IS_OUT: Duration = Duration::from_millis(500);
/// Most that are looked at once more; beyond it the oldest are let go.
const MOST_DESCRIBED: usize = 10_000;

/// Somebody as he was shown.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Who was shown.
    pub who: ChatUserId,
    /// To whom.
    pub to: ChatUserId,
    /// How.
    pub status: Status,
}

/// Descriptions that have not been looked at again.
#[derive(Debug, Default)]
pub struct Descriptions(Mutex<VecDeque<(Instant, Description)>>);

impl Descriptions {
    /// Remembers how somebody was shown.
    pub fn push(&self, description: Description) {
        let mut waiting = self.0.lock();
        if waiting.len() >= MOST_DESCRIBED {
            waiting.pop_front();
        }
        waiting.push_back((Instant::now(), description));
    }

    /// Takes those whose answer is out.
    pub fn take_due(&self) -> Vec<Description> {
        let mut waiting = self.0.lock();
        let due = waiting.partition_point(|(at, _)| at.elapsed() >= ANSWER_IS_OUT);
        waiting.drain(..due).map(|(_, one)| one).collect()
    }
}

impl Presence {
    /// Whether a person is shown online because of a socket here.
    pub fn is_shown(&self, who: ChatUserId) -> bool {
        self.person(who)
            .is_some_and(|person| person.state.lock().shown_online)
    }

    /// Who was just shown to whom.
    pub fn descriptions(&self) -> &Descriptions {
        &self.descriptions
    }

    /// Tells to whom `who` was shown how he is now, if that is not the same.
    pub fn correct(
        &self,
        description: &Description,
        who: &ChatUser,
        user: &Arc<User>,
        outlet: &dyn Announce,
    ) {
        let person = self.with_person(who, user, |_| {});
        // in order with what this node tells of him itself
        let _order = person.order.lock();
        let (status, last_online) = self.shown(who);
        if status != description.status {
            outlet.announce(&Announcement {
                user: Arc::clone(user),
                status,
                last_online,
                contacts: vec![description.to],
            });
        }
    }
}
