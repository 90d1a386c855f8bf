//! Who is online: people, not sockets, and when their contacts are notified.
//!
//! A person comes online with the first socket that finished its login and goes
//! offline with the last. A lost transport is announced after a grace, so that a
//! page reload does not flicker; a clean disconnect at once. Which sockets a person has
//! the hub knows, and tells how many; the registry is given once, when it is made,
//! where announcements go.

mod announce;
mod remote;
mod shown;
mod state;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::id::{ChatUserId, SocketId, UserId};
use crate::store::{ChatUser, PresenceChange, PresenceStatus, Privacy, User, WriteBehindQueue};
pub use announce::{Announce, Announcement, Departure};
pub use remote::RemotePresence;
pub use shown::{Description, Shown};
use state::State;

/// How long somebody who left is remembered, longer than a write behind takes.
const REMEMBERED: Duration = Duration::from_mins(1);

/// Everybody with a socket on this node.
pub struct PresenceRegistry {
    people: DashMap<ChatUserId, Arc<Person>>,
    remote: RemotePresence,
    write_behind: Arc<WriteBehindQueue>,
    outlet: Arc<dyn Announce>,
    clock: Clock,
    grace: Duration,
}

struct Person {
    /// Held while announcing, so that "came" and "went" keep their order.
    order: Mutex<()>,
    state: Mutex<State>,
}

impl PresenceRegistry {
    /// Nobody is here yet.
    pub fn new(
        write_behind: Arc<WriteBehindQueue>,
        outlet: Arc<dyn Announce>,
        clock: Clock,
        grace: Duration,
    ) -> Self {
        Self {
            people: DashMap::new(),
            remote: RemotePresence::default(),
            write_behind,
            outlet,
            clock,
            grace,
        }
    }

    /// A socket of a person logs in, who has so many with it. Calls about one person
    /// come one after another, as those of [`PresenceRegistry::leave`].
    pub fn enter(&self, who: &ChatUser, user: &Arc<User>, sockets: usize) {
        self.with_person(who, user, |state| {
            state.arrivals += 1;
            state.user = Arc::clone(user);
            state.last_online = state.last_online.max(who.last_online);
            state.sockets = sockets;
        });
    }

    /// Changes what is known of a person, who is made known if they are not.
    fn with_person(
        &self,
        who: &ChatUser,
        user: &Arc<User>,
        change: impl FnOnce(&mut State),
    ) -> Arc<Person> {
        loop {
            let person = Arc::clone(&self.people.entry(who.id).or_insert_with(|| {
                Arc::new(Person {
                    order: Mutex::new(()),
                    state: Mutex::new(State::new(who, user)),
                })
            }));
            let mut state = person.state.lock();
            if state.forgotten {
                continue;
            }
            change(&mut state);
            drop(state);
            return person;
        }
    }

    /// Adds people who are to be notified about `who`.
    pub fn add_contacts(&self, who: ChatUserId, contacts: impl IntoIterator<Item = ChatUserId>) {
        if let Some(person) = self.person(who) {
            person.state.lock().contacts.extend(contacts);
        }
    }

    /// Whether somebody here knows a contact, from their login or since.
    pub fn has_contact(&self, who: ChatUserId, contact: ChatUserId) -> bool {
        let person = self.person(who);
        person.is_some_and(|person| person.state.lock().contacts.contains(&contact))
    }

    /// A socket has finished its login: announces that its person is online, if
    /// that is news.
    pub fn activate(&self, who: ChatUserId) {
        self.change(who, |state| {
            if state.shown_online || state.sockets == 0 {
                return None;
            }
            state.shown_online = true;
            let online = PresenceChange::Online(state.last_online);
            self.write_behind.presence(who, online);
            // also of whom is believed to be at another server: that may be dead
            Some(state.announcement(PresenceStatus::Online))
        });
    }

    /// Somebody who is shown online has logged in once more, on this socket.
    pub fn announce_again(&self, who: ChatUserId, socket: SocketId) {
        let Some(person) = self.person(who) else {
            return;
        };
        let _order = person.order.lock();
        let state = person.state.lock();
        let online = state.shown_online;
        let announcement = online.then(|| state.announcement(PresenceStatus::Online));
        drop(state);
        if let Some(announcement) = announcement {
            self.outlet.announce_again(who, &announcement, socket);
        }
    }

    /// A person has so many sockets left; without any they go offline, at once or
    /// after the grace.
    pub fn leave(self: &Arc<Self>, who: ChatUserId, sockets: usize, how: Departure) {
        let Some(person) = self.person(who) else {
            return;
        };
        let arrivals = {
            let mut state = person.state.lock();
            state.sockets = sockets;
            state.left_at = Instant::now();
            if sockets > 0 || !state.shown_online {
                return;
            }
            state.arrivals
        };
        // in a task even at once: whoever closes a socket may be announcing
        let presence = Arc::clone(self);
        tokio::spawn(async move {
            if how == Departure::Lost {
                tokio::time::sleep(presence.grace).await;
            }
            presence.set_offline(who, arrivals);
        });
    }

    /// Makes a person offline unless they came back since `arrivals`.
    fn set_offline(&self, who: ChatUserId, arrivals: u64) {
        self.change(who, |state| {
            let back = state.sockets > 0 || state.arrivals != arrivals;
            if back || !state.shown_online {
                return None;
            }
            let announcement = state.set_offline(self.clock.now());
            self.write_offline(who, &announcement);
            (!self.remote.has(who)).then_some(announcement)
        });
    }

    fn write_offline(&self, who: ChatUserId, announcement: &Announcement) {
        let at = announcement.last_online.unwrap_or_else(|| self.clock.now());
        self.write_behind.presence(who, PresenceChange::Offline(at));
    }

    /// Makes everybody offline, unannounced: the server is going.
    pub fn leave_all(&self) {
        for person in &self.people {
            let mut state = person.state.lock();
            state.sockets = 0;
            if state.shown_online {
                let announcement = state.set_offline(self.clock.now());
                self.write_offline(*person.key(), &announcement);
            }
        }
    }

    /// Takes in whom a person blocked; announces it to those who see them differently now.
    pub fn apply_blocks(&self, privacy: &Privacy) {
        self.change(privacy.id, |state| state.apply_blocks(privacy));
    }

    /// The same of a person who is not shown online yet, so that nobody hears of it.
    pub fn apply_blocks_unshown(&self, privacy: &Privacy) {
        self.change(privacy.id, |state| {
            if !state.shown_online {
                state.apply_blocks(privacy);
            }
            None
        });
    }

    /// Changes the state of a person, if they are known, and announces what that leads to,
    /// in order with all else that is announced of them.
    fn change<I: IntoIterator<Item = Announcement>>(
        &self,
        who: ChatUserId,
        change: impl FnOnce(&mut State) -> I,
    ) {
        let Some(person) = self.person(who) else {
            return;
        };
        let _order = person.order.lock();
        let announcements = change(&mut person.state.lock());
        for announcement in announcements {
            self.outlet.announce(&announcement);
        }
    }

    /// Shows a person from now on as the application has them now.
    pub fn refresh(&self, who: ChatUserId, user: Arc<User>) {
        if let Some(person) = self.person(who) {
            person.state.lock().user = user;
        }
    }

    /// What is known of other nodes.
    pub fn remote(&self) -> &RemotePresence {
        &self.remote
    }

    /// Everybody with a socket here.
    pub fn list(&self) -> Vec<(ChatUserId, UserId)> {
        self.people
            .iter()
            .filter_map(|person| {
                let state = person.state.lock();
                (state.sockets > 0).then(|| (*person.key(), state.user.id.clone()))
            })
            .collect()
    }

    /// Writes presence anew, after the node got a new boot id.
    pub fn rewrite(&self) {
        for person in &self.people {
            let state = person.state.lock();
            if state.shown_online {
                let online = PresenceChange::Online(state.last_online);
                self.write_behind.presence(*person.key(), online);
            }
        }
    }

    /// Forgets those who left long ago; called every few seconds.
    pub fn forget_absent(&self) {
        self.people.retain(|_, person| {
            let mut state = person.state.lock();
            let absent =
                state.sockets == 0 && !state.shown_online && state.left_at.elapsed() > REMEMBERED;
            state.forgotten = absent;
            !absent
        });
    }

    /// People with a socket here.
    pub fn count(&self) -> usize {
        self.people
            .iter()
            .filter(|person| person.state.lock().sockets > 0)
            .count()
    }

    fn person(&self, who: ChatUserId) -> Option<Arc<Person>> {
        self.people.get(&who).map(|person| Arc::clone(&person))
    }
}
