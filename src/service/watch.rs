//! Presence across servers: what was written elsewhere is announced to the people here.
//!
//! Of whom something was written says the log of events; how they are is then read, so that
//! the newest counts and nothing depends on the order. Which servers are there is looked at
//! once a second.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::presence::PresenceRegistry;
use super::{Error, Lease, Messenger};
use crate::id::ChatUserId;
use crate::store::{ChatUser, Event, Item, Store};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// People whose chat rooms are read in one round trip, 10,000 of each at most.
const PEOPLE_TOLD_AT_ONCE: usize = 50;

/// Looks after the presence that other servers write.
pub struct Watch {
    store: Store,
    presence: Arc<PresenceRegistry>,
    lease: Arc<Lease>,
    messenger: Arc<Messenger>,
    /// One change at a time, since they are read and taken in in two steps.
    turn: Mutex<()>,
    /// Whether it is known of everybody where they are: it was read once, and the log has
    /// told of the others since.
    knows_everybody: AtomicBool,
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
            turn: Mutex::default(),
            knows_everybody: AtomicBool::new(false),
        }
    }

    /// Looks every second until cancelled.
    pub async fn keep(self: Arc<Self>, cancelled: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let _turn = self.turn.lock().await;
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "other servers were not looked at");
            }
        }
    }

    /// Which servers are there; at first also who is on them.
    async fn look(&self) -> Result<(), Error> {
        let nodes = self.store.nodes.list_alive().await;
        let nodes = nodes.map_err(|error| Error::of_read(&error))?;
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics::gauge!("chatzz_servers").set(nodes.len() as f64);
        let me = self.lease.boot();
        let others = nodes.into_iter().map(|node| node.boot);
        let boots: HashSet<String> = others.filter(|boot| *boot != me).collect();
        self.presence.remote().set_boots(&boots);
        if !self.knows_everybody.swap(true, Ordering::SeqCst) {
            let learned = self.learn_everybody(&boots).await;
            if learned.is_err() {
                self.forget();
            }
            return learned;
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

    /// Announces the presence that these items say was written. Can be repeated.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn hear(&self, items: impl Iterator<Item = &Item>) -> Result<(), Error> {
        let mut people = HashSet::new();
        for item in items {
            if let Event::Presence { people: some, .. } = &item.event {
                people.extend(some);
            }
        }
        let people: Vec<ChatUserId> = people.into_iter().collect();
        for some in people.chunks(PEOPLE_TOLD_AT_ONCE) {
            let _turn = self.turn.lock().await;
            let news = self.store.chat_users.list(some).await;
            let news = news.map_err(|error| Error::of_read(&error))?;
            let me = self.lease.boot();
            let is_known = |boot: &String| *boot == me || self.presence.remote().knows(boot);
            if news.iter().any(|who| !who.nodes.iter().all(is_known)) {
                // a server that has just started
                self.look().await?;
            }
            self.tell(&me, &news).await?;
        }
        Ok(())
    }

    /// What was read from the log is not there any more: everything is read anew.
    pub fn forget(&self) {
        self.knows_everybody.store(false, Ordering::SeqCst);
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
