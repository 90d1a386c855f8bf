//! The node's lease: a node that dies leaves nobody online.
//!
//! A node is named after the port it holds. Whoever holds the port knows that
//! the predecessor is dead, so it takes the lease at once and makes offline
//! whom the predecessor left online. A boot id distinguishes the runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

use super::arrangement::Arrangement;
use super::presence::PresenceRegistry;
use crate::clock::Clock;
use crate::id::{ChatRoomId, ChatUserId, MessageId, Seq};
use crate::store::{EventQueue, Node, PresenceChange, Store, WriteBehindQueue};

/// People of a dead node made offline in one round trip.
const PEOPLE_AT_ONCE: i64 = 500;
/// Messages looked at in one round trip.
const MESSAGES_AT_ONCE: i64 = 5_000;
/// Seconds by which the clocks of a server and of the database may differ.
const CLOCKS_APART: i64 = 60;
/// How long the writing of what a dead node left behind is waited for; the next renewal
/// begins again.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// The lease of this process.
pub struct Lease {
    store: Store,
    write_behind: Arc<WriteBehindQueue>,
    presence: Arc<PresenceRegistry>,
    /// Where what a dead node left behind is written.
    events: Arc<EventQueue>,
    id: String,
    boot: watch::Sender<String>,
    /// Boot ids of earlier runs of this process whose lease was lost.
    lost: Mutex<Vec<String>>,
    length: Duration,
    clock: Clock,
    arrangement: Arrangement,
    /// Whether the last renewal worked.
    is_renewed: AtomicBool,
}

/// What a lease is about: the node, and what others learn of it.
pub struct Holder {
    /// The node's id.
    pub id: String,
    /// The setting of its bus, as a digest.
    pub bus: String,
    /// How long the lease lasts unless renewed.
    pub length: Duration,
    /// The node's clock.
    pub clock: Clock,
}

impl Lease {
    /// Takes the lease of a node, and cleans up after whoever held it
    /// and after every node whose lease ran out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take(
        store: Store,
        write_behind: Arc<WriteBehindQueue>,
        presence: Arc<PresenceRegistry>,
        events: Arc<EventQueue>,
        holder: Holder,
    ) -> Result<Self, crate::store::Error> {
        let lease = Self {
            store,
            write_behind,
            presence,
            events,
            id: holder.id,
            boot: watch::Sender::default(),
            lost: Mutex::default(),
            length: holder.length,
            clock: holder.clock,
            arrangement: Arrangement::new(holder.bus),
            is_renewed: AtomicBool::new(true),
        };
        lease.take_anew().await?;
        for node in lease.store.nodes.list_expired().await? {
            // its document goes at a renewal: the log of events is not written yet
            lease.clean_up_after(&node).await?;
        }
        Ok(lease)
    }

    /// Takes the lease for a new run.
    async fn take_anew(&self) -> Result<(), crate::store::Error> {
        let boot = format!("{}#{}", self.id, uuid::Uuid::new_v4());
        // first: should this process die half-way, the next finds the same again
        if let Some(before) = self.store.nodes.find(&self.id).await? {
            self.make_offline(&before.boot, before.renewed_at).await?;
        }
        let bus = self.arrangement.bus();
        let before = self.store.nodes.take(&self.id, &boot, bus).await?;
        if let Some(before) = &before {
            self.find_left_behind(before).await?;
        }
        self.boot.send_replace(boot.clone());
        self.write_behind.set_boot(&boot);
        if let Some(before) = before {
            self.make_offline(&before.boot, before.renewed_at).await?;
        }
        Ok(())
    }

    /// Makes offline whom a node with a run-out lease left online, and finds what it left to
    /// be written; `false` if it is alive after all.
    async fn clean_up_after(&self, node: &Node) -> Result<bool, crate::store::Error> {
        if !self.store.nodes.end_expired(node).await? {
            return Ok(false);
        }
        tracing::warn!(node = node.id, "a node's lease ran out");
        self.make_offline(&node.boot, node.renewed_at).await?;
        self.find_left_behind(node).await?;
        Ok(true)
    }

    /// The same, and then removes the lease.
    async fn expire(&self, node: &Node) -> Result<(), crate::store::Error> {
        // removed last: should this process die half-way, another finds it again
        if !self.clean_up_after(node).await? {
            return Ok(());
        }
        let written = tokio::time::timeout(WRITTEN_WITHIN, self.events.written());
        if !matches!(written.await, Ok(Ok(()))) {
            tracing::warn!("what the node left behind is not in the log of events yet");
            return Ok(());
        }
        self.store.nodes.release(&node.id, &node.boot).await?;
        Ok(())
    }

    /// Makes offline whom a run of a node left online.
    async fn make_offline(
        &self,
        boot: &str,
        at: bson::DateTime,
    ) -> Result<(), crate::store::Error> {
        let mut known: HashSet<ChatUserId> = HashSet::new();
        loop {
            let some = self
                .store
                .chat_users
                .list_on_node(boot, PEOPLE_AT_ONCE)
                .await?;
            // the same again: the database refuses to change them, and said so
            let news = some.iter().filter(|user| known.insert(user.id)).count();
            if news == 0 {
                return Ok(());
            }
            let changes: HashMap<ChatUserId, PresenceChange> = some
                .iter()
                .map(|user| (user.id, PresenceChange::Offline(at)))
                .collect();
            self.store.bulk_writes.presence(boot, &changes).await?;
            let people: Vec<ChatUserId> = changes.into_keys().collect();
            self.events.presence(&people, true);
        }
    }

    /// Finds the chat rooms in which a node may have stored messages that it did not write
    /// into the log of events, by the times in the ids of messages. Which of them are there,
    /// whoever stored them, is found out when they are written.
    async fn find_left_behind(&self, node: &Node) -> Result<(), crate::store::Error> {
        let since = node.renewed_at.timestamp_millis() / 1_000 - CLOCKS_APART;
        let mut after = MessageId::first_of(since);
        let mut rooms: HashMap<ChatRoomId, Seq> = HashMap::new();
        loop {
            let messages = &self.store.messages;
            let made = messages.list_made_after(after, MESSAGES_AT_ONCE).await?;
            for message in &made {
                let last = rooms.entry(message.room).or_default();
                *last = message.seq.max(*last);
            }
            // while others go on storing there may always be one more
            match made.last() {
                Some(last) if made.len() >= usize::try_from(MESSAGES_AT_ONCE).unwrap_or(1) => {
                    after = last.id;
                }
                _ => break,
            }
        }
        self.events.left_behind(rooms);
        Ok(())
    }

    /// The boot id of this run.
    pub fn boot(&self) -> String {
        self.boot.borrow().clone()
    }

    /// The same, for those who need to know when it changes.
    pub fn watch_boot(&self) -> watch::Receiver<String> {
        self.boot.subscribe()
    }

    /// How long the lease lasts unless renewed.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Renews the lease until cancelled.
    ///
    /// `on_lost` is called when somebody else took this node's lease: its
    /// sockets are to be closed, since their users may be shown offline.
    pub async fn keep(
        self: Arc<Self>,
        on_lost: impl Fn() + Send + Sync,
        cancelled: CancellationToken,
    ) {
        let mut thirds = self.thirds(cancelled);
        while thirds.next().await {
            let renewed = self.renew(&on_lost).await;
            self.is_renewed.store(renewed.is_ok(), Ordering::SeqCst);
            if let Err(error) = renewed {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the lease was not renewed");
            }
        }
    }

    /// Cleans up after nodes whose lease ran out, until cancelled. The contacts of their
    /// people, here and elsewhere, learn it from the log of events. In a task of its own: it
    /// may take longer than this node's lease lasts.
    pub async fn clean_up(self: Arc<Self>, cancelled: CancellationToken) {
        let mut thirds = self.thirds(cancelled);
        while thirds.next().await {
            if let Err(error) = self.expire_others().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what dead nodes left behind was not cleaned up");
            }
        }
    }

    /// Every third of the lease's length.
    fn thirds(&self, cancelled: CancellationToken) -> Thirds {
        let mut ticks = tokio::time::interval(self.length / 3);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Thirds { ticks, cancelled }
    }

    async fn renew(&self, on_lost: &(impl Fn() + Send + Sync)) -> Result<(), crate::store::Error> {
        let boot = self.boot();
        if !self.renew_once(&boot).await? {
            let holder = self.store.nodes.find(&self.id).await?;
            if holder.is_some_and(|holder| holder.boot != boot) {
                self.arrangement.claimed(&self.id);
            }
            tracing::error!(node = self.id, "the lease was lost; starting anew");
            on_lost();
            self.take_anew().await?;
            self.presence.rewrite();
            self.lost.lock().push(boot);
            return self.clean_up_own().await;
        }
        self.clean_up_own().await?;
        let alive = self.store.nodes.list_renewed().await?;
        self.arrangement.compare_buses(&self.id, &alive);
        Ok(())
    }

    /// Cleans up after nodes whose lease ran out. The contacts of their people, here and
    /// elsewhere, learn it from the log of events.
    async fn expire_others(&self) -> Result<(), crate::store::Error> {
        if !self.is_renewed.load(Ordering::SeqCst) {
            // who cannot say that it is there itself does not judge the others
            return Ok(());
        }
        for node in self.store.nodes.list_expired().await? {
            if node.id == self.id {
                continue;
            }
            self.expire(&node).await?;
        }
        Ok(())
    }

    /// Renews the lease, and compares the clocks; `false` when it is lost.
    async fn renew_once(&self, boot: &str) -> Result<bool, crate::store::Error> {
        let asked = Instant::now();
        let Some(there) = self.store.nodes.renew(&self.id, boot).await? else {
            return Ok(false);
        };
        self.arrangement.renewed();
        self.arrangement
            .compare_clocks(self.clock.now(), there, asked.elapsed());
        Ok(true)
    }

    /// Cleans up behind earlier runs of this process: people may have been
    /// written for one after others had cleaned up behind it.
    async fn clean_up_own(&self) -> Result<(), crate::store::Error> {
        let Some(boot) = self.lost.lock().first().cloned() else {
            return Ok(());
        };
        let Some(now) = self.store.nodes.find(&self.id).await? else {
            return Ok(());
        };
        // from now on everything is written for the new run
        self.write_behind.flush().await?;
        self.make_offline(&boot, now.renewed_at).await?;
        self.lost.lock().retain(|one| *one != boot);
        Ok(())
    }

    /// Gives the lease up: the node is going.
    ///
    /// # Errors
    /// When the database cannot answer; the lease then runs out by itself.
    pub async fn release(&self) -> Result<(), crate::store::Error> {
        let boot = self.boot();
        self.store.nodes.release(&self.id, &boot).await.map(drop)
    }
}

/// Ticks until cancelled.
struct Thirds {
    ticks: Interval,
    cancelled: CancellationToken,
}

impl Thirds {
    /// Waits for the next; `false` when it is over.
    async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.cancelled.cancelled() => false,
            _ = self.ticks.tick() => true,
        }
    }
}
