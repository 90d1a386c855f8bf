//! What is sent to people at other servers, and what other servers send to people here.
//!
//! Only what is not stored goes this way. Blocks, contacts and limits are checked where it
//! comes from. Who has blocked whom is known better where the receiver is, so that is asked
//! once more here, as far as this server knows without a query.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use super::Context;
use super::connection::packet::DropPolicy;
use crate::feed::bus::{Direct, Item, Receive};
use crate::id::ChatUserId;
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

impl Receive for Context {
    fn receive(&self, items: Vec<Item>) -> BoxFuture<'_, ()> {
        let receive = async move {
            for item in items {
                match item {
                    Item::Typing(direct) => self.hand_over(direct, DropPolicy::Full).await,
                    Item::Signal(direct) => self.hand_over(direct, DropPolicy::Crowded).await,
                    Item::Beat => {}
                }
            }
        };
        receive.boxed()
    }
}
