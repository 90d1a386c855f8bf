//! Presence across nodes: what other nodes wrote is announced to the people here.
//!
//! Every presence write carries the database's time. Once a second each node
//! reads what was written since; while it is the only one it only looks for
//! others, one document. Prompt live delivery between nodes is not done here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::presence::PresenceRegistry;
use super::{Lease, Messenger};
use crate::id::ChatUserId;
use crate::store::{ChatUser, Store};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far back each look reads again: a write shows up a little after the
/// time it carries, and two servers' clocks differ.
const OVERLAP: Duration = Duration::from_secs(5);
/// People read in one round trip.
const PEOPLE_AT_ONCE: i64 = 5_000;
/// Changes remembered before those that no look reads again are forgotten.
const SEEN_BEFORE_PRUNING: usize = 1_000;
/// People whose chat rooms are read in one round trip, 10,000 of each at most.
const PEOPLE_TOLD_AT_ONCE: usize = 50;

/// Whatever went wrong: it is looked at again.
type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Looks after the presence that other nodes write.
pub struct Watch {
    store: Store,
    presence: Arc<PresenceRegistry>,
    lease: Arc<Lease>,
    messenger: Arc<Messenger>,
    /// Whether it must be known of everybody on which node they are.
    needs_everybody: bool,
    progress: Mutex<Progress>,
}

/// How far the looks have come.
#[derive(Debug, Default)]
struct Progress {
    /// The newest change seen; `None` while this node is alone.
    newest: Option<DateTime>,
    /// Changes seen within the overlap.
    seen: HashMap<ChatUserId, DateTime>,
    /// Looks that are still to be taken without another node.
    linger: u32,
    /// Whether those were read who came before this node looked on. From then on nobody
    /// comes unseen.
    knows_everybody: bool,
}

impl Watch {
    /// Begins to look once [`Watch::keep`] runs. `needs_everybody` is for a node that
    /// sends other nodes what is for their people: it reads once who is there.
    pub fn new(
        store: Store,
        presence: Arc<PresenceRegistry>,
        lease: Arc<Lease>,
        messenger: Arc<Messenger>,
        needs_everybody: bool,
    ) -> Self {
        Self {
            store,
            presence,
            lease,
            messenger,
            needs_everybody,
            progress: Mutex::default(),
        }
    }

    /// Looks every second until cancelled.
    pub async fn keep(self, cancelled: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "other nodes were not looked at");
            }
        }
    }

    async fn look(&self) -> Result<(), Failed> {
        let since = self.progress.lock().newest;
        // before the nodes: a node has its lease before it writes anybody
        let changed = match since {
            Some(since) => self.list_changed(since).await?,
            None => Vec::new(),
        };
        let nodes = self.store.nodes.list_alive().await?;
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics::gauge!("chatzz_servers").set(nodes.len() as f64);
        let me = self.lease.boot();
        let others = nodes.iter().filter(|node| node.boot != me);
        let boots: HashSet<String> = others.clone().map(|node| node.boot.clone()).collect();
        let accompanied = self.presence.remote().set_boots(&boots);
        if self.needs_everybody && !self.progress.lock().knows_everybody {
            self.learn_everybody(&boots).await?;
        }
        // a node seen for the first time has been there for a look at most
        let first = others.map(|node| node.renewed_at).min();
        self.take_in(&me, changed).await?;
        let lease = self.lease.length();
        let mine = nodes.iter().find(|node| node.boot == me);
        let mut progress = self.progress.lock();
        if let (Some(newest), Some(mine)) = (progress.newest, mine) {
            // by the same clock: whatever was written before then has been seen
            progress.newest = Some(newest.max(mine.renewed_at));
        }
        if accompanied {
            // until the node that died last has been expired and announced
            let looks = (lease * 2).as_secs() / LOOK_EVERY.as_secs();
            progress.linger = u32::try_from(looks).unwrap_or(u32::MAX).max(1);
            if progress.newest.is_none() {
                let first = first.unwrap_or(DateTime::MIN).timestamp_millis();
                progress.newest = Some(DateTime::from_millis(first - millis(lease)));
            }
        } else {
            progress.linger = progress.linger.saturating_sub(1);
            if progress.linger == 0 {
                *progress = Progress {
                    knows_everybody: progress.knows_everybody,
                    ..Progress::default()
                };
            }
        }
        Ok(())
    }

    /// Reads who is online on other nodes, once: those who came before this node looked on.
    /// It is not announced: their contacts here have it from their login.
    async fn learn_everybody(&self, boots: &HashSet<String>) -> Result<(), Failed> {
        for boot in boots {
            let people = self.store.chat_users.list_ids_on_node(boot).await?;
            self.presence.remote().add_people(boot, people);
        }
        self.progress.lock().knows_everybody = true;
        Ok(())
    }

    /// Whose presence was written since, a little before included.
    async fn list_changed(&self, since: DateTime) -> Result<Vec<ChatUser>, Failed> {
        let mut from = DateTime::from_millis(since.timestamp_millis() - millis(OVERLAP));
        let mut all: Vec<ChatUser> = Vec::new();
        loop {
            let users = &self.store.chat_users;
            let page = users.list_changed(from, PEOPLE_AT_ONCE).await?;
            let is_last = page.len() < usize::try_from(PEOPLE_AT_ONCE).unwrap_or(usize::MAX);
            let reached = page.last().and_then(|user| user.changed_at);
            all.extend(self.progress.lock().unseen(page));
            match reached {
                // as many at the very same time: the page cannot begin behind them
                Some(at) if !is_last && at > from => from = at,
                _ => return Ok(all),
            }
        }
    }

    /// Tells about the changes that are news.
    async fn take_in(&self, me: &str, changed: Vec<ChatUser>) -> Result<(), Failed> {
        let mut once = HashSet::new();
        let mut news = changed;
        news.retain(|user| once.insert(user.id));
        for some in news.chunks(PEOPLE_TOLD_AT_ONCE) {
            self.tell(me, some).await?;
        }
        Ok(())
    }

    async fn tell(&self, me: &str, news: &[ChatUser]) -> Result<(), Failed> {
        let ids: Vec<ChatUserId> = news.iter().map(|user| user.id).collect();
        let mut contacts: HashMap<ChatUserId, Vec<ChatUserId>> = HashMap::new();
        for members in self.store.chat_rooms.list_pairs_of(&ids).await? {
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
            self.progress.lock().saw(user);
        }
        Ok(())
    }
}

impl Progress {
    fn unseen(&self, changed: Vec<ChatUser>) -> Vec<ChatUser> {
        let is_news = |user: &ChatUser| user.changed_at != self.seen.get(&user.id).copied();
        changed.into_iter().filter(is_news).collect()
    }

    fn saw(&mut self, user: &ChatUser) {
        let Some(at) = user.changed_at else { return };
        self.newest = self.newest.max(Some(at));
        self.seen.insert(user.id, at);
        if self.seen.len() > SEEN_BEFORE_PRUNING {
            let oldest = self.newest.map_or(0, DateTime::timestamp_millis) - millis(OVERLAP);
            self.seen.retain(|_, at| at.timestamp_millis() >= oldest);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
