//! Presence across servers: what was written elsewhere is announced to the people here.
//!
//! Of whom something was written says the log of events; how they are is then read, so that
//! the newest counts and nothing depends on the order. Which servers are there is looked at
//! once a second.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::presence::PresenceRegistry;
use super::{Error, Lease, Messenger};
use crate::id::ChatUserId;
use crate::store::{ChatUser, Event, Item, Store};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause before people who could not be read are read again.
const RETRY: Duration = Duration::from_millis(200);
/// People whose chat rooms are read in one round trip, 10,000 of each at most.
const PEOPLE_TOLD_AT_ONCE: usize = 50;

/// Looks after the presence that other servers write. One task does all of it, beside the
/// announcing of messages.
pub struct Watch {
    store: Store,
    presence: Arc<PresenceRegistry>,
    lease: Arc<Lease>,
    messenger: Arc<Messenger>,
    /// People of whom something was written.
    news: Mutex<HashSet<ChatUserId>>,
    noted: Notify,
    /// Whether it is known of everybody where they are: it was read once, and the log has
    /// named the others since.
    knows_everybody: AtomicBool,
    /// Whether a server is gone, and there may be people of whom the log does not tell
    /// that they are, too: it may have been killed before it wrote that.
    is_one_gone: AtomicBool,
}

impl Watch {
    /// Begins to look once [`Watch::keep`] runs.
    pub fn new(
        store: Store,
        presence: Arc<PresenceRegistry>,
        lease: Arc<Lease>,
        messenger: Arc<Messenger>,
    ) -> Self {
        Self {
            store,
            presence,
            lease,
            messenger,
            news: Mutex::default(),
            noted: Notify::new(),
            knows_everybody: AtomicBool::new(false),
            is_one_gone: AtomicBool::new(false),
        }
    }

    /// Notes whose presence these items say was written. Can be repeated.
    pub fn note<'a>(&self, items: impl Iterator<Item = &'a Item>) {
        let mut news = self.news.lock();
        let before = news.len();
        for item in items {
            if let Event::Presence { people, .. } = &item.event {
                news.extend(people);
            }
        }
        if news.len() > before {
            self.noted.notify_one();
        }
    }

    /// What was read from the log is not there any more: everything is read anew.
    pub fn forget(&self) {
        self.knows_everybody.store(false, Ordering::SeqCst);
    }

    /// Looks every second, and announces what was noted, until cancelled.
    pub async fn keep(self: Arc<Self>, cancelled: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let worked = tokio::select! {
                () = cancelled.cancelled() => return,
                () = self.noted.notified() => self.announce_noted().await,
                _ = ticks.tick() => self.look().await,
            };
            if let Err(error) = worked {
                tracing::debug!(%error, "the presence of other servers waits");
                tokio::select! {
                    () = cancelled.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => self.noted.notify_one(),
                }
            }
        }
    }

    /// Which servers are there; at first also who is on them, and later who was on those
    /// that are gone.
    async fn look(&self) -> Result<(), Error> {
        let nodes = self.store.nodes.list_alive().await;
        let nodes = nodes.map_err(|error| Error::of_read(&error))?;
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics::gauge!("chatzz_servers").set(nodes.len() as f64);
        let me = self.lease.boot();
        let others = nodes.into_iter().map(|node| node.boot);
        let boots: HashSet<String> = others.filter(|boot| *boot != me).collect();
        if self.presence.remote().set_boots(&boots) {
            self.is_one_gone.store(true, Ordering::SeqCst);
        }
        if !self.knows_everybody.swap(true, Ordering::SeqCst) {
            let learned = self.learn_everybody(&boots).await;
            if learned.is_err() {
                self.forget();
            }
            return learned;
        }
        if self.is_one_gone.load(Ordering::SeqCst) {
            self.look_after_lost().await?;
        }
        Ok(())
    }

    /// Reads who is online on other servers. It is not announced: their contacts here have
    /// it from their login.
    async fn learn_everybody(&self, boots: &HashSet<String>) -> Result<(), Error> {
        let mut everybody = Vec::new();
        for boot in boots {
            let people = self.store.chat_users.list_ids_on_node(boot).await;
            let people = people.map_err(|error| Error::of_read(&error))?;
            everybody.push((Arc::from(boot.as_str()), people));
        }
        self.presence.remote().replace(everybody);
        Ok(())
    }

    /// Announces the people of servers that are gone as they are by now. Those who are not
    /// written as gone yet are looked at again.
    async fn look_after_lost(&self) -> Result<(), Error> {
        let lost = self.presence.remote().list_lost();
        if lost.is_empty() {
            self.is_one_gone.store(false, Ordering::SeqCst);
        }
        let me = self.lease.boot();
        for some in lost.chunks(PEOPLE_TOLD_AT_ONCE) {
            let mut people = self.read(some).await?;
            people.retain(|who| who.nodes.iter().all(|boot| self.knows(&me, boot)));
            self.tell(&me, &people).await?;
        }
        Ok(())
    }

    /// Announces the people who were noted, as they are by now.
    async fn announce_noted(&self) -> Result<(), Error> {
        loop {
            let some: Vec<ChatUserId> = {
                let news = self.news.lock();
                news.iter().take(PEOPLE_TOLD_AT_ONCE).copied().collect()
            };
            if some.is_empty() {
                return Ok(());
            }
            // what is written from now on is noted again
            let mut taken = Noted::take(&self.news, some);
            let people = self.read(&taken.people).await?;
            let me = self.lease.boot();
            if !people
                .iter()
                .flat_map(|who| &who.nodes)
                .all(|boot| self.knows(&me, boot))
            {
                // a server that has just started
                self.look().await?;
            }
            self.tell(&me, &people).await?;
            taken.people.clear();
        }
    }

    fn knows(&self, me: &str, boot: &str) -> bool {
        boot == me || self.presence.remote().knows(boot)
    }

    async fn read(&self, ids: &[ChatUserId]) -> Result<Vec<ChatUser>, Error> {
        let people = self.store.chat_users.list(ids).await;
        people.map_err(|error| Error::of_read(&error))
    }

    async fn tell(&self, me: &str, news: &[ChatUser]) -> Result<(), Error> {
        let ids: Vec<ChatUserId> = news.iter().map(|user| user.id).collect();
        let mut contacts: HashMap<ChatUserId, Vec<ChatUserId>> = HashMap::new();
        let pairs = self.store.chat_rooms.list_pairs_of(&ids).await;
        for members in pairs.map_err(|error| Error::of_read(&error))? {
            let [a, b] = members.ids();
            contacts.entry(a).or_default().push(b);
            contacts.entry(b).or_default().push(a);
        }
        let users = news.iter().map(|user| user.user.clone()).collect();
        // without their details nothing can be announced: an error, so that it is looked at again
        let users = self.messenger.directory().list(users).await?;
        let privacies = self.messenger.privacies_of(&ids).await?;
        for user in news {
            let mut contacts = contacts.remove(&user.id).unwrap_or_default();
            if let Some(privacy) = privacies.get(&user.id) {
                contacts.retain(|contact| privacy.blocked_since(*contact).is_none());
            }
            if let Some(details) = users.get(&user.user) {
                self.presence.take_in(me, user, details, contacts);
            }
        }
        Ok(())
    }
}

/// People taken out of those who were noted; put back if they could not be announced.
struct Noted<'a> {
    news: &'a Mutex<HashSet<ChatUserId>>,
    people: Vec<ChatUserId>,
}

impl<'a> Noted<'a> {
    fn take(news: &'a Mutex<HashSet<ChatUserId>>, people: Vec<ChatUserId>) -> Self {
        let mut all = news.lock();
        for who in &people {
            all.remove(who);
        }
        drop(all);
        Self { news, people }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.news.lock().extend(self.people.drain(..));
    }
}
