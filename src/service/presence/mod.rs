//! Who is here: sockets by person, and when the others are told.
//!
//! A person comes online with the first socket that finished its login and goes
//! offline with the last. A lost transport is told after a grace, so that a
//! page reload does not flicker; a clean disconnect at once.

mod announce;
mod remote;
mod shown;
mod state;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::bugs::{self, Bug};
use crate::clock::Clock;
use crate::id::{ChatUserId, SocketId, UserId};
use crate::store::{ChatUser, PresenceChange, PresenceStatus, Privacy, User, WriteBehindQueue};
pub use announce::{Announce, Announcement, Departure};
pub use remote::RemotePresence;
pub use shown::{Description, Shown};
use state::State;

/// How long somebody who left is remembered, longer than a write behind takes.
const REMEMBERED: Duration = Duration::from_mins(1);

/// The sockets of one person; most people have few.
pub type Sockets = SmallVec<[SocketId; 4]>;

/// Everybody with a socket on this node.
pub struct PresenceRegistry {
    people: DashMap<ChatUserId, Arc<Person>>,
    remote: RemotePresence,
    write_behind: Arc<WriteBehindQueue>,
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
    pub fn new(write_behind: Arc<WriteBehindQueue>, clock: Clock, grace: Duration) -> Self {
        Self {
            people: DashMap::new(),
            remote: RemotePresence::default(),
            write_behind,
            clock,
            grace,
        }
    }

    /// Adds a socket that is logging in: messages reach it from now on.
    pub fn enter(&self, who: &ChatUser, user: &Arc<User>, socket: SocketId) {
        self.with_person(who, user, |state| {
            state.arrivals += 1;
            state.user = Arc::clone(user);
            state.last_online = state.last_online.max(who.last_online);
            if !state.sockets.contains(&socket) {
                state.sockets.push(socket);
            }
        });
    }

    /// Changes what is known of a person, who is made known if he is not.
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

    /// Adds people who are to be told about `who`.
    pub fn add_contacts(&self, who: ChatUserId, contacts: impl IntoIterator<Item = ChatUserId>) {
        if let Some(person) = self.person(who) {
            person.state.lock().contacts.extend(contacts);
        }
    }

    /// A socket has finished its login: tells that its person is online, if
    /// that is news.
    pub fn activate(&self, who: ChatUserId, outlet: &dyn Announce) {
        let Some(person) = self.person(who) else {
            return;
        };
        let _order = person.order.lock();
        let (is_news, announcement) = {
            let mut state = person.state.lock();
            if state.shown_online || state.sockets.is_empty() {
                return;
            }
            state.shown_online = true;
            state.came_untold = self.remote.has(who);
            (
                !state.came_untold,
                state.announcement(PresenceStatus::Online),
            )
        };
        let left = announcement.last_online;
        self.write_behind
            .presence(who, PresenceChange::Online(left));
        if is_news {
            outlet.announce(&announcement);
        }
    }

    /// Takes a socket out; the last one makes its person offline, at once or
    /// after the grace.
    pub fn leave(
        self: &Arc<Self>,
        who: ChatUserId,
        socket: SocketId,
        how: Departure,
        outlet: &Arc<dyn Announce>,
    ) {
        let Some(person) = self.person(who) else {
            return;
        };
        let arrivals = {
            let mut state = person.state.lock();
            state.sockets.retain(|one| *one != socket);
            state.left_at = Instant::now();
            if !state.sockets.is_empty() || !state.shown_online {
                return;
            }
            state.arrivals
        };
        // in a task even at once: whoever closes a socket may be announcing
        let (presence, outlet) = (Arc::clone(self), Arc::clone(outlet));
        tokio::spawn(async move {
            if how == Departure::Lost {
                tokio::time::sleep(presence.grace).await;
            }
            presence.set_offline(who, arrivals, outlet.as_ref());
        });
    }

    /// Makes a person offline unless he came back since `arrivals`.
    fn set_offline(&self, who: ChatUserId, arrivals: u64, outlet: &dyn Announce) {
        let Some(person) = self.person(who) else {
            return;
        };
        let _order = person.order.lock();
        let announcement = {
            let mut state = person.state.lock();
            let back = !state.sockets.is_empty() || state.arrivals != arrivals;
            if back || !state.shown_online {
                return;
            }
            state.set_offline(self.clock.now())
        };
        self.write_offline(who, &announcement);
        if bugs::active(Bug::LostOfflineEvent) {
            return;
        }
        if !self.remote.has(who) {
            outlet.announce(&announcement);
        }
    }

    fn write_offline(&self, who: ChatUserId, announcement: &Announcement) {
        let at = announcement.last_online.unwrap_or_else(|| self.clock.now());
        self.write_behind.presence(who, PresenceChange::Offline(at));
    }

    /// Makes everybody offline, untold: the server is going.
    pub fn leave_all(&self) {
        for person in &self.people {
            let mut state = person.state.lock();
            state.sockets.clear();
            if state.shown_online {
                let announcement = state.set_offline(self.clock.now());
                self.write_offline(*person.key(), &announcement);
            }
        }
    }

    /// Takes in whom a person blocked; tells those who see him differently now.
    /// Without an outlet it waits for one, unless there is nobody to tell.
    pub fn apply_blocks(&self, privacy: &Privacy, outlet: Option<&dyn Announce>) {
        let Some(person) = self.person(privacy.id) else {
            return;
        };
        let _order = person.order.lock();
        let told = {
            let mut state = person.state.lock();
            if outlet.is_none() && state.shown_online {
                return;
            }
            state.apply_blocks(privacy)
        };
        for announcement in told {
            outlet.inspect(|outlet| outlet.announce(&announcement));
        }
    }

    /// Whether messages reach a socket of this person here.
    pub fn is_here(&self, who: ChatUserId) -> bool {
        self.person(who)
            .is_some_and(|person| !person.state.lock().sockets.is_empty())
    }

    /// The person's sockets here.
    pub fn sockets(&self, who: ChatUserId) -> Sockets {
        self.person(who)
            .map(|person| person.state.lock().sockets.clone())
            .unwrap_or_default()
    }

    /// Shows a person from now on as the application has him now.
    pub fn refresh(&self, who: ChatUserId, user: Arc<User>) {
        if let Some(person) = self.person(who) {
            person.state.lock().user = user;
        }
    }

    /// What is known of other nodes.
    pub fn remote(&self) -> &RemotePresence {
        &self.remote
    }

    /// Everybody shown online here, with the sockets.
    pub fn list(&self) -> Vec<(ChatUserId, UserId, Sockets)> {
        self.people
            .iter()
            .filter_map(|person| {
                let state = person.state.lock();
                (!state.sockets.is_empty())
                    .then(|| (*person.key(), state.user.id.clone(), state.sockets.clone()))
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
            let absent = state.sockets.is_empty()
                && !state.shown_online
                && state.left_at.elapsed() > REMEMBERED;
            state.forgotten = absent;
            !absent
        });
    }

    /// People with a socket here.
    pub fn count(&self) -> usize {
        self.people
            .iter()
            .filter(|person| !person.state.lock().sockets.is_empty())
            .count()
    }

    fn person(&self, who: ChatUserId) -> Option<Arc<Person>> {
        self.people.get(&who).map(|person| Arc::clone(&person))
    }
}
