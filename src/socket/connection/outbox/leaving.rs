//! Packets that leave: now, or when they are offered again.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::{Cause, Outbox};
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
        match sent {
            Offered::Full => false,
            Offered::Done => {
                for range in &packet.handed {
                    let mark = self.backlog.mark(&connection.session);
                    connection.unconfirmed.lock().note(*range, mark);
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

    /// Offers what waits; whether all has left.
    fn drain(&mut self, connection: &Arc<Connection>) -> bool {
        while let Some(waiting) = self.waiting.pop_front() {
            if !self.offer(connection, &waiting.packet) {
                self.waiting.push_front(waiting);
                return false;
            }
            self.moved = Instant::now();
            if waiting.cause == Cause::Others {
                self.weight.remove(&waiting.packet);
            }
        }
        connection.flow.changed.notify_waiters();
        true
    }
}

/// Offers waiting packets whenever something has left, until all have or nothing moves
/// any more.
pub(super) async fn offer_again(connection: Arc<Connection>) {
    let stall = connection.outbox.lock().bounds.stall;
    loop {
        // before packets are offered: what leaves from here on is not missed
        let moved = connection.session.moved();
        if connection.outbox.lock().drain(&connection) {
            return;
        }
        tokio::select! {
            () = moved => connection.outbox.lock().moved = Instant::now(),
            () = connection.drained() => return,
            () = sleep(stall) => {
                tracing::debug!("a socket does not read; its connection is closed");
                metrics::counter!("chatzz_stalled_sockets_total").increment(1);
                return connection.outbox.lock().break_off(&connection);
            }
        }
    }
}
