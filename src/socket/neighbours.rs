//! What is sent to people at other servers, and what other servers send to people here.
//!
//! What is stored comes by the log of events as well, so that it may be lost on this way.
//! For what is not stored this is the only way. Blocks, contacts and limits are checked where it
//! comes from. Who has blocked whom is known better where the receiver is, so that is asked
//! once more here, as far as this server knows without a query.

use std::collections::HashSet;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc};

use super::Context;
use super::connection::packet::DropPolicy;
use crate::domain::Message;
use crate::feed::Hint;
use crate::feed::bus::{Bus, Carried, Direct, Item, Receive};
use crate::id::ChatUserId;
use crate::service::presence::PresenceRegistry;
use crate::store::{Event as Happened, Item as Event, Listener};
use crate::wire::{Dialect, Notice, Render as _};

impl Context {
    /// Sends a notice that is not stored to the sockets that a person has at other servers;
    /// `item` says what it is. Returns whether it is on its way to one of them: without
    /// NATS it never is.
    pub(super) fn send_to_neighbours(
        &self,
        from: ChatUserId,
        to: ChatUserId,
        notice: &Notice<'_>,
        item: impl FnOnce(Direct) -> Item,
    ) -> bool {
        let Some(bus) = &self.bus else {
            return false;
        };
        let nodes = self.presence.remote().nodes_of(to);
        if nodes.is_empty() {
            return false;
        }
        // the same in every dialect
        let envelope = notice.render(Dialect::V3).get().to_owned();
        bus.publish(&nodes, &item(Direct { from, to, envelope }))
    }

    /// Hands over to the sockets of a person here what another server sent for them.
    async fn hand_over(&self, direct: Direct, drop_policy: DropPolicy) {
        let Direct { from, to, envelope } = direct;
        if self.messenger.is_known_to_block(to, from).await {
            return;
        }
        let Ok(envelope) = RawValue::from_string(envelope) else {
            tracing::debug!("another server sent an envelope that is no JSON");
            return;
        };
        let notice = Notice::Finished(envelope.into());
        self.hub.send_ephemeral(to, notice, drop_policy);
    }
}

/// Tells other servers at once what they would read from the log a moment later.
pub(crate) struct Neighbours {
    /// The way there.
    pub(crate) bus: Arc<Bus>,
    /// Who is where.
    pub(crate) presence: Arc<PresenceRegistry>,
}

impl Neighbours {
    fn tell(&self, people: [ChatUserId; 2], item: impl FnOnce() -> Item) {
        let mut boots: HashSet<Arc<str>> = HashSet::new();
        for who in people {
            boots.extend(self.presence.remote().nodes_of(who));
        }
        if !boots.is_empty() {
            self.bus.publish(&boots, &item());
        }
    }
}

impl Listener for Neighbours {
    fn stored(&self, message: &Message) {
        // of what is withheld, the sender's devices learn by the log
        if !message.is_withheld() {
            let item = || Item::Stored(Box::new(Carried(message.clone())));
            self.tell([message.from, message.to], item);
        }
    }

    fn happened(&self, event: &Event) {
        let item = || Item::Happened(event.clone());
        match event.event {
            Happened::Advanced { reader, sender, .. } => self.tell([reader, sender], item),
            Happened::ContactAdded { members, .. } | Happened::Changed { members, .. } => {
                self.tell(members, item);
            }
            // no socket hears of it
            Happened::NotificationDue { .. } | Happened::NotificationWithdrawn { .. } => {}
            // every server has some of it in its caches, or people to tell
            Happened::Blocked { .. }
            | Happened::Unblocked { .. }
            | Happened::PrivacySet { .. }
            | Happened::Erased { .. }
            | Happened::Presence { .. }
            | Happened::Ended { .. } => {
                let others = self.presence.remote().watch_boots().borrow().clone();
                if !others.is_empty() {
                    self.bus.publish(others.iter(), &item());
                }
            }
        }
    }
}

/// What other servers tell, sorted by what is to become of it.
pub(crate) struct Incoming {
    /// The sockets.
    pub(crate) context: Arc<Context>,
    /// Where what is to be announced goes.
    pub(crate) hints: mpsc::Sender<Hint>,
    /// KiB of them that may wait.
    pub(crate) shares: Arc<Semaphore>,
}

impl Incoming {
    /// Passes a hint on; `false` when too much waits already.
    fn pass_on(&self, mut hint: Hint) -> bool {
        let kib = u32::try_from(hint.bytes() / 1_024 + 1).unwrap_or(u32::MAX);
        let Ok(share) = Arc::clone(&self.shares).try_acquire_many_owned(kib) else {
            return false;
        };
        hint.share = Some(share);
        self.hints.try_send(hint).is_ok()
    }
}

impl Receive for Incoming {
    fn receive<'a>(&'a self, from: &'a str, items: Vec<Item>) -> BoxFuture<'a, ()> {
        let receive = async move {
            let mut hint = Hint {
                boot: from.to_owned(),
                messages: Vec::new(),
                items: Vec::new(),
                share: None,
            };
            for item in items {
                match item {
                    Item::Stored(message) => hint.messages.push(message.0),
                    Item::Happened(event) => hint.items.push(event),
                    Item::Typing(direct) => self.context.hand_over(direct, DropPolicy::Full).await,
                    Item::Signal(direct) => {
                        self.context.hand_over(direct, DropPolicy::Crowded).await;
                    }
                    Item::Beat => {}
                }
            }
            let is_any = !hint.messages.is_empty() || !hint.items.is_empty();
            if is_any && !self.pass_on(hint) {
                metrics::counter!("chatzz_bus_dropped_total", "why" => "busy").increment(1);
                if let Some(bus) = &self.context.bus {
                    bus.miss();
                }
            }
        };
        receive.boxed()
    }
}
