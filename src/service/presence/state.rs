//! What is known of one person who is, or was just now, here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bson::DateTime;

use super::Announcement;
use crate::id::ChatUserId;
use crate::store::{ChatUser, PresenceStatus, Privacy, User};

#[derive(Debug)]
pub(super) struct State {
    pub(super) user: Arc<User>,
    pub(super) sockets: usize,
    pub(super) contacts: HashSet<ChatUserId>,
    /// Contacts who are not notified, since they are blocked, and from when on.
    pub(super) hidden_from: HashMap<ChatUserId, DateTime>,
    /// The version of the privacy that says so.
    pub(super) privacy: i64,
    pub(super) shown_online: bool,
    pub(super) last_online: Option<DateTime>,
    /// When what this node heard of them from other nodes was written.
    pub(super) heard_at: Option<DateTime>,
    /// When they had last gone offline by then.
    pub(super) heard_left: Option<DateTime>,
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
            sockets: 0,
            contacts: HashSet::new(),
            hidden_from: HashMap::new(),
            privacy: 0,
            shown_online: false,
            last_online: who.last_online,
            heard_at: None,
            heard_left: None,
            arrivals: 0,
            left_at: Instant::now(),
            forgotten: false,
        }
    }

    pub(super) fn set_offline(&mut self, at: DateTime) -> Announcement {
        self.shown_online = false;
        self.last_online = Some(at);
        self.announcement(PresenceStatus::Offline)
    }

    pub(super) fn announcement(&self, status: PresenceStatus) -> Announcement {
        let contacts = self.contacts.iter();
        let contacts = contacts.filter(|contact| !self.hidden_from.contains_key(contact));
        Announcement {
            user: Arc::clone(&self.user),
            status,
            last_online: self.last_online,
            contacts: contacts.copied().collect(),
        }
    }

    /// Takes in who is blocked; what those hear to whom that changes something.
    pub(super) fn apply_blocks(&mut self, privacy: &Privacy) -> Vec<Announcement> {
        if privacy.version <= self.privacy {
            return Vec::new();
        }
        self.privacy = privacy.version;
        let now = privacy
            .blocked
            .iter()
            .map(|one| (one.who, one.at))
            .collect();
        let before = std::mem::replace(&mut self.hidden_from, now);
        if !self.shown_online {
            return Vec::new();
        }
        let hears = |who: &ChatUserId| self.contacts.contains(who);
        let one = |status, last_online, contacts| Announcement {
            user: Arc::clone(&self.user),
            status,
            last_online,
            contacts,
        };
        let blocked = privacy.blocked.iter();
        let blocked = blocked.filter(|one| !before.contains_key(&one.who) && hears(&one.who));
        let mut announcements: Vec<Announcement> = blocked
            .map(|blocked| one(PresenceStatus::Offline, Some(blocked.at), vec![blocked.who]))
            .collect();
        let back = before.into_keys();
        let back = back.filter(|who| !self.hidden_from.contains_key(who) && hears(who));
        let back: Vec<ChatUserId> = back.collect();
        if !back.is_empty() {
            announcements.push(one(PresenceStatus::Online, self.last_online, back));
        }
        announcements
    }
}
