//! What is known of one person who is, or was just now, here.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use bson::DateTime;

use super::{Announcement, Sockets};
use crate::id::ChatUserId;
use crate::store::{ChatUser, Presence as Status, User};

#[derive(Debug)]
pub(super) struct State {
    pub(super) user: Arc<User>,
    pub(super) sockets: Sockets,
    pub(super) contacts: HashSet<ChatUserId>,
    pub(super) shown_online: bool,
    pub(super) last_online: Option<DateTime>,
    /// Counts arrivals: a grace that began before the last one is void.
    pub(super) arrivals: u64,
    pub(super) left_at: Instant,
    /// Taken out of the map; whoever still holds it looks again.
    pub(super) forgotten: bool,
}

impl State {
    pub(super) fn new(who: &ChatUser, user: &Arc<User>) -> Self {
        Self {
            user: Arc::clone(user),
            sockets: Sockets::new(),
            contacts: HashSet::new(),
            shown_online: false,
            last_online: who.last_online,
            arrivals: 0,
            left_at: Instant::now(),
            forgotten: false,
        }
    }

    pub(super) fn go(&mut self, at: DateTime) -> Announcement {
        self.shown_online = false;
        self.last_online = Some(at);
        self.announcement(Status::Offline)
    }

    pub(super) fn announcement(&self, status: Status) -> Announcement {
        Announcement {
            user: Arc::clone(&self.user),
            status,
            last_online: self.last_online,
            contacts: self.contacts.iter().copied().collect(),
        }
    }
}
