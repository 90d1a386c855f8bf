//! Packets that leave: now, or when they are offered again.

use std::sync::Arc;

use super::Outbox;
use crate::bugs::{self, Bug};
use crate::rooms::Confirm;
use crate::socket::connection::Connection;
use crate::socket::connection::packet::{Offered, Packet};

impl Outbox {
    /// Offers one packet; `true` when the socket took it.
    pub(super) fn offer(&mut self, connection: &Arc<Connection>, packet: &Packet) -> bool {
        let Some(socket) = &self.socket else {
            return false;
        };
        if !self.backlog.has_room(packet.size(), &connection.session) {
            return false;
        }
        let sent = packet.offer(socket);
        if !matches!(sent, Offered::Full) {
            self.backlog.add(packet.size());
        }
        if bugs::active(Bug::CursorJumps) && !matches!(sent, Offered::Full) {
            self.confirm_unheard(connection, packet);
        }
        match sent {
            Offered::Full => false,
            Offered::Done => {
                for range in &packet.handed {
                    connection.note_handed(*range);
                }
                true
            }
            Offered::Awaited(ack) => {
                if let Some(me) = connection.me() {
                    let confirms = packet.handed.iter().map(|range| range.confirmed_by(me.id));
                    let confirms: Vec<Confirm> = confirms.collect();
                    let confirmed = self.bounds.confirmed.clone();
                    tokio::spawn(async move {
                        use socketioxide::AckError;
                        // `cb()` without arguments does not decode, and says "I have it"
                        if let Ok(_) | Err(AckError::Decode(_)) = ack.await {
                            for confirm in confirms {
                                // dropped when too many wait: then it is delivered once more
                                let _ = confirmed.try_send(confirm);
                            }
                        }
                    });
                }
                true
            }
        }
    }

    /// [`Bug::CursorJumps`].
    fn confirm_unheard(&self, connection: &Connection, packet: &Packet) {
        for (me, range) in connection.me().into_iter().zip(&packet.handed) {
            let _ = self.bounds.confirmed.try_send(range.confirmed_by(me.id));
        }
    }

    /// Offers what waits; tells whether anything left, and whether all did.
    pub(super) fn drain(&mut self, connection: &Arc<Connection>) -> (bool, bool) {
        let mut progress = false;
        while let Some(waiting) = self.waiting.pop_front() {
            if !self.offer(connection, &waiting.packet) {
                self.waiting.push_front(waiting);
                return (progress | self.backlog.take_moved(), false);
            }
            self.bytes = self.bytes.saturating_sub(waiting.counts);
            progress = true;
        }
        self.offering = false;
        (progress, true)
    }
}
