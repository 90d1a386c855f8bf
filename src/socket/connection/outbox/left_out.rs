//! Messages that a socket was not sent because too much waited for it.
//!
//! Nothing of their texts is kept. Once nothing waits any more, the newest of each chat room
//! is read again and sent: its `seq` tells the client to fetch the others as history. None of
//! them counts as handed over, so that a client that is gone before has missed them.

use std::sync::Arc;

use super::Outbox;
use crate::domain::{Delivery, Message};
use crate::id::{ChatRoomId, ChatUserId, Seq};
use crate::rooms::Stored;
use crate::socket::connection::Connection;
use crate::socket::connection::packet::Packet;
use crate::store::User;

/// The newest message of a chat room that was left out, without its text.
#[derive(Clone, Debug)]
pub(in crate::socket) struct LeftOut {
    pub(in crate::socket) room: ChatRoomId,
    pub(in crate::socket) seq: Seq,
    from: Arc<User>,
    to: Arc<User>,
    receiver: ChatUserId,
    delivery: Delivery,
}

impl LeftOut {
    pub(super) fn new(stored: &Stored) -> Self {
        Self {
            room: stored.message.chat_room,
            seq: stored.message.seq,
            from: Arc::clone(&stored.from),
            to: Arc::clone(&stored.to),
            receiver: stored.receiver,
            delivery: stored.delivery,
        }
    }

    /// The message, read again.
    pub(in crate::socket) fn with(&self, message: Message) -> Stored {
        Stored {
            message,
            delivery: self.delivery,
            from: Arc::clone(&self.from),
            to: Arc::clone(&self.to),
            receiver: self.receiver,
            origin: None,
        }
    }
}

impl Outbox {
    /// Whether messages were left out that can be announced now, and nobody does so yet: the
    /// caller does.
    pub(in crate::socket) fn begin_announcing(&mut self) -> bool {
        let begins = !self.is_announcing && !self.left_out.is_empty() && self.is_free();
        self.is_announcing |= begins;
        begins
    }

    /// One of the messages to announce; `None` ends it for now.
    pub(in crate::socket) fn next_left_out(&mut self) -> Option<LeftOut> {
        let is_free = self.is_free();
        let next = self.left_out.values().next().filter(|_| is_free).cloned();
        self.is_announcing = next.is_some();
        next
    }

    /// Announces it, unless a newer one of the chat room was sent or left out meanwhile.
    pub(in crate::socket) fn announce(
        &mut self,
        connection: &Arc<Connection>,
        left_out: &LeftOut,
        packet: Option<Packet>,
    ) {
        let known = self.left_out.get(&left_out.room);
        if known.is_some_and(|known| known.seq == left_out.seq) {
            self.left_out.remove(&left_out.room);
            if let Some(packet) = packet {
                self.enqueue_or_hold(connection, packet);
            }
        }
    }

    /// Announcing has failed: it is tried again later.
    pub(in crate::socket) fn stop_announcing(&mut self) {
        self.is_announcing = false;
    }

    fn is_free(&self) -> bool {
        self.socket.is_some() && self.held.is_none() && self.waiting.is_empty()
    }
}
