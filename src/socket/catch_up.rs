//! Announcing the messages that were left out while too much waited for a socket.

use std::sync::Arc;

use super::Context;
use super::connection::Connection;
use super::connection::outbox::LeftOut;
use super::hub::text_packet;
use crate::service::Error;
use crate::wire::{Notice, PerDialect};

impl Context {
    /// Sends a socket that has taken everything the newest of the messages that were left
    /// out, of each chat room, in a task of its own.
    pub(super) fn announce_left_out(self: &Arc<Self>, connection: &Arc<Connection>) {
        if connection.outbox.lock().begin_announcing() {
            let (context, connection) = (Arc::clone(self), Arc::clone(connection));
            tokio::spawn(async move { context.announce_each(&connection).await });
        }
    }

    async fn announce_each(&self, connection: &Arc<Connection>) {
        loop {
            let next = connection.outbox.lock().next_left_out();
            let Some(left_out) = next else { return };
            if let Err(error) = self.announce_one(connection, &left_out).await {
                tracing::debug!(%error, "a message that was left out was not read");
                return connection.outbox.lock().stop_announcing();
            }
            connection.drained().await;
        }
    }

    async fn announce_one(
        &self,
        connection: &Arc<Connection>,
        left_out: &LeftOut,
    ) -> Result<(), Error> {
        let (room, seq) = (left_out.room, left_out.seq);
        let message = self.messenger.find_message(room, seq).await?;
        let stored = message.map(|message| left_out.with(message));
        let packet = stored.as_ref().zip(connection.me()).map(|(stored, me)| {
            let message = PerDialect::new(stored);
            let notice = PerDialect::new(Notice::NewMessage(&message));
            text_packet(connection, me.id, stored, &notice).text_of(room)
        });
        let mut outbox = connection.outbox.lock();
        outbox.announce(connection, left_out, packet);
        Ok(())
    }
}
