//! Who is online on other nodes, as far as this node knows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bson::DateTime;
use parking_lot::RwLock;
use smallvec::SmallVec;
use tokio::sync::watch;

use super::{Announcement, PresenceRegistry};
use crate::feed::Elsewhere;
use crate::feed::bus::Others;
use crate::id::ChatUserId;
use crate::store::{ChatUser, PresenceStatus, User};

/// Other nodes and their people; empty while this node is alone.
#[derive(Debug, Default)]
pub struct RemotePresence {
    /// Boot ids of the other nodes whose lease is good.
    boots: watch::Sender<Others>,
    /// People who are online on one of them, and on which.
    online: RwLock<HashMap<ChatUserId, Boots>>,
}

/// The boot ids of some nodes; mostly one.
type Boots = SmallVec<[Arc<str>; 1]>;

impl RemotePresence {
    /// Replaces the other nodes whose lease is good; whether one of them is gone.
    pub fn set_boots(&self, boots: &HashSet<String>) -> bool {
        let mut is_one_gone = false;
        self.boots.send_if_modified(|known| {
            is_one_gone = known.iter().any(|boot| !boots.contains(&**boot));
            let is_same = boots.len() == known.len()
                && boots.iter().all(|boot| known.contains(boot.as_str()));
            if !is_same {
                let boots = boots.iter().map(|boot| Arc::from(boot.as_str()));
                *known = Arc::new(boots.collect());
            }
            !is_same
        });
        is_one_gone
    }

    /// People who are believed to be on nodes whose lease is not good any more.
    pub fn list_lost(&self) -> Vec<ChatUserId> {
        let boots = self.boots.borrow().clone();
        let online = self.online.read();
        let lost = online.iter();
        let lost = lost.filter(|(_, nodes)| !nodes.iter().all(|node| boots.contains(node)));
        lost.map(|(who, _)| *who).collect()
    }

    /// Whether somebody is known to be on exactly these nodes, as far as those are alive.
    fn is_at(&self, who: ChatUserId, nodes: &[String]) -> bool {
        let boots = self.boots.borrow();
        let mut alive = nodes.iter().filter(|node| boots.contains(node.as_str()));
        let online = self.online.read();
        let known = online.get(&who);
        let count = alive.clone().count();
        count == known.map_or(0, SmallVec::len)
            && alive
                .all(|node| known.is_some_and(|known| known.iter().any(|boot| **boot == **node)))
    }

    /// The other nodes whose lease is good, for those who need to know when they change.
    pub fn watch_boots(&self) -> watch::Receiver<Others> {
        self.boots.subscribe()
    }

    /// Whether there are other nodes.
    pub fn is_any(&self) -> bool {
        !self.boots.borrow().is_empty()
    }

    /// Whether this is the boot id of another node whose lease is good.
    pub fn knows(&self, boot: &str) -> bool {
        self.boots.borrow().contains(boot)
    }

    /// Whether one of these nodes is another one whose lease is good.
    pub fn holds(&self, nodes: &[String]) -> bool {
        let boots = self.boots.borrow();
        nodes.iter().any(|node| boots.contains(node.as_str()))
    }

    /// Whether somebody is known to be online on another node whose lease is good.
    pub fn has(&self, who: ChatUserId) -> bool {
        !self.nodes_of(who).is_empty()
    }

    /// The other nodes with a good lease on which somebody is known to be online.
    pub fn nodes_of(&self, who: ChatUserId) -> SmallVec<[Arc<str>; 1]> {
        let online = self.online.read();
        let Some(nodes) = online.get(&who) else {
            return SmallVec::new();
        };
        let boots = self.boots.borrow();
        let nodes = nodes.iter().filter(|node| boots.contains(*node));
        nodes.cloned().collect()
    }

    /// Takes in where somebody is; returns whether they were known to be online.
    pub fn set(&self, who: ChatUserId, nodes: &[String]) -> bool {
        let boots = self.boots.borrow();
        let nodes = nodes.iter().filter_map(|node| boots.get(node.as_str()));
        let nodes: Boots = nodes.cloned().collect();
        drop(boots);
        let mut known = self.online.write();
        let before = if nodes.is_empty() {
            known.remove(&who)
        } else {
            known.insert(who, nodes)
        };
        before.is_some()
    }

    /// Takes in who is on which node, all of them.
    pub fn replace(&self, people: impl IntoIterator<Item = (Arc<str>, Vec<ChatUserId>)>) {
        let mut online: HashMap<ChatUserId, Boots> = HashMap::new();
        for (boot, people) in people {
            for who in people {
                online.entry(who).or_default().push(Arc::clone(&boot));
            }
        }
        *self.online.write() = online;
    }
}

impl Elsewhere for PresenceRegistry {
    fn is_elsewhere(&self, user: ChatUserId) -> bool {
        self.remote.has(user)
    }
}

impl PresenceRegistry {
    /// Announces to somebody whom a person at another server blocked or unblocked how that
    /// person is shown to them now. Of people here [`PresenceRegistry::apply_blocks`] does it.
    pub fn show_from_elsewhere(
        &self,
        (who, user): (ChatUserId, &Arc<User>),
        to: ChatUserId,
        hidden_since: Option<DateTime>,
    ) {
        if self.is_shown(who) || !self.remote.has(who) {
            return;
        }
        let person = self.person(who);
        let left = person.and_then(|person| person.state.lock().last_online);
        let status = match hidden_since {
            Some(_) => PresenceStatus::Offline,
            None => PresenceStatus::Online,
        };
        self.outlet.announce(&Announcement {
            user: Arc::clone(user),
            status,
            last_online: hidden_since.or(left),
            contacts: vec![to],
        });
    }

    /// Takes in that the presence of somebody was written anew, and announces it to
    /// those of their contacts to whom it is news. `me` is the boot id of this node.
    pub fn take_in(&self, me: &str, who: &ChatUser, user: &Arc<User>, contacts: Vec<ChatUserId>) {
        let person = self.with_person(who, user, |_| {});
        // in order with what this node announces of them itself
        let _order = person.order.lock();
        let heard_at = person.state.lock().heard_at;
        // not by which is later: the times of two writes may be the wrong way round
        if heard_at.is_some() && heard_at == who.changed_at && self.remote.is_at(who.id, &who.nodes)
        {
            // it came with an earlier change
            return;
        }
        let online = self.remote.holds(&who.nodes);
        let was_online = self.remote.set(who.id, &who.nodes);
        let mut state = person.state.lock();
        // they were offline in between, written so, and an answer may have shown it
        let flickered = state.heard_at.is_none() || who.last_online > state.heard_left;
        state.heard_left = state.heard_left.max(who.last_online);
        state.heard_at = who.changed_at;
        let status = if state.shown_online || online {
            PresenceStatus::Online
        } else {
            PresenceStatus::Offline
        };
        let by_me = who.changed_by.as_deref() == Some(me);
        let mut notified = contacts;
        if state.shown_online || (!online && !was_online && by_me) {
            // announced already, except to contacts that were made on another node
            notified.retain(|contact| state.contacts.insert(*contact));
        } else if online && was_online && !flickered {
            notified.clear();
        }
        let last_online = who.last_online.max(state.last_online);
        drop(state);
        if !notified.is_empty() {
            self.outlet.announce(&Announcement {
                user: Arc::clone(user),
                status,
                last_online,
                contacts: notified,
            });
        }
    }
}
