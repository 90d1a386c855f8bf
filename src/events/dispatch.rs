//! From a packet to a handler and back.

use std::sync::Arc;

use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use super::connection::Connection;
use super::delivery::{Delivery, Reply};
use super::fifo::{Incoming, Queued};
use super::outbox::Outbox;
use super::packet::Packet;
use super::parsed::{self, Event, MOST_NAME_CHARS, Parsed};
use super::{
    Audience, Context, Outcome, add_chat_user, block_user, connect_user, get_active_users,
    get_blocked_users, get_old_messages, message_delivered, message_read, refresh_token,
    send_message, set_privacy, signal, typing, unblock_user,
};
use crate::lanes::Origin;
use crate::service::Error;
use crate::service::presence::{Departure, Description};
use crate::wire::Json;

/// Takes every event of one socket, in the task that reads it: so the order is
/// kept. Handlers of socketioxide's own would each be a task.
pub(super) struct Dispatcher {
    pub(super) context: Arc<Context>,
    pub(super) connection: Arc<Connection>,
}

/// Tells socketioxide this handler from those made of closures.
pub(super) struct Registered;

impl MessageHandler<LocalAdapter, Registered> for Dispatcher {
    fn call(&self, _: Arc<Socket>, value: Value, ack: Option<i64>) {
        let event = Incoming {
            value,
            ack,
            since: Instant::now(),
        };
        if let Some(kind) = parsed::kind(&event.value)
            && let Err(wait) = self.connection.allowance.take(kind)
        {
            return self.refuse(&event, Error::RateLimited(wait));
        }
        let queued = self
            .connection
            .fifo
            .lock()
            .push(event, self.context.bounds.queue);
        match queued {
            Queued::Behind => {}
            Queued::First => {
                let (context, connection) = (self.context.clone(), self.connection.clone());
                tokio::spawn(work(context, connection));
            }
            Queued::Full(event) => self.refuse(&event, Error::Overloaded),
        }
    }
}

impl Dispatcher {
    /// Refuses an event that does not even wait.
    fn refuse(&self, event: &Incoming, error: Error) {
        if self.connection.fifo.lock().has_ended() {
            return;
        }
        let parsed = Parsed::of(&event.value);
        let origin = parsed.origin(&self.connection, event);
        self.context
            .refuse(&self.connection, &parsed, &origin, error);
    }
}

/// Works off the events of one socket until none waits.
async fn work(context: Arc<Context>, connection: Arc<Connection>) {
    loop {
        connection.ready().await;
        let next = connection.fifo.lock().pop();
        let Some(event) = next else { return };
        context.handle(&connection, &event).await;
    }
}

impl Context {
    async fn handle(self: &Arc<Self>, connection: &Arc<Connection>, incoming: &Incoming) {
        let parsed = Parsed::of(&incoming.value);
        let origin = parsed.origin(connection, incoming);
        let span = tracing::debug_span!("event", name = origin.event, socket = connection.id.0);
        let Some(event) = parsed.event else {
            let unknown = Error::BadRequest("there is no such event".into());
            return self.refuse(connection, &parsed, &origin, unknown);
        };
        // one that waited too long behind others on its socket is not begun
        let late = Instant::now() >= self.deadline(&origin);
        if self.is_draining() || late && !matches!(event, Event::Disconnect) {
            return self.refuse(connection, &parsed, &origin, Error::Unavailable);
        }
        let has_expired = connection.has_expired(self.messenger.clock().now());
        if has_expired && !matches!(event, Event::RefreshToken | Event::Disconnect) {
            let expired = Error::Unauthorized("the token has expired".into());
            return self.refuse(connection, &parsed, &origin, expired);
        }
        self.run(event, connection, parsed.payload, origin)
            .instrument(span)
            .await;
    }

    async fn run(
        self: &Arc<Self>,
        event: Event,
        connection: &Arc<Connection>,
        payload: Option<&RawValue>,
        origin: Origin,
    ) {
        match event {
            Event::SendMessage => send_message::handle(self, connection, payload, origin).await,
            Event::MessageRead => message_read::handle(self, connection, payload, origin).await,
            Event::MessageDelivered => {
                message_delivered::handle(self, connection, payload, origin).await;
            }
            Event::ConnectUser => {
                let late = self.deadline(&origin);
                // boxed, as below: rare, and large beside what a send needs
                let outcome = Box::pin(connect_user::handle(self, connection, payload, late)).await;
                self.finish_event(connection, &origin, outcome);
            }
            Event::AddChatUser | Event::BlockUser | Event::UnblockUser | Event::SetPrivacy => {
                self.apart(event, connection, payload, origin).await;
            }
            Event::GetBlockedUsers
            | Event::GetOldMessages
            | Event::GetActiveUsers
            | Event::RefreshToken
            | Event::Signal
            | Event::Typing => {
                let has_ack = origin.ack.is_some();
                let asking = Box::pin(self.ask(event, connection, payload, has_ack));
                let outcome = self.within(&origin, asking, Error::Unavailable).await;
                self.finish_event(connection, &origin, outcome);
            }
            Event::Disconnect => {
                connection.fifo.lock().end();
                let socket = connection.outbox.lock().socket();
                self.leave(connection, Departure::Clean);
                connection.dismiss(socket);
            }
        }
    }

    /// Events that write nothing: given up when their answer is late.
    async fn ask(
        &self,
        event: Event,
        connection: &Arc<Connection>,
        payload: Option<&RawValue>,
        has_ack: bool,
    ) -> Result<Outcome, Error> {
        match event {
            Event::GetActiveUsers => get_active_users::handle(self, connection, payload).await,
            Event::GetBlockedUsers => get_blocked_users::handle(self, connection, payload).await,
            Event::RefreshToken => refresh_token::handle(self, connection, payload).await,
            Event::Signal => signal::handle(self, connection, payload).await,
            Event::Typing => typing::handle(self, connection, payload).await,
            _ => get_old_messages::handle(self, connection, payload, has_ack).await,
        }
    }

    /// Events that write for themselves run in a task of their own: once it may
    /// be written, others are told, even if the answer is late.
    async fn apart(
        self: &Arc<Self>,
        event: Event,
        connection: &Arc<Connection>,
        payload: Option<&RawValue>,
        origin: Origin,
    ) {
        let (context, by) = (Arc::clone(self), Arc::clone(connection));
        let payload = payload.map(RawValue::to_owned);
        let mut writing = tokio::spawn(async move {
            let payload = payload.as_deref();
            match event {
                Event::BlockUser => block_user::handle(&context, &by, payload).await,
                Event::UnblockUser => unblock_user::handle(&context, &by, payload).await,
                Event::SetPrivacy => set_privacy::handle(&context, &by, payload).await,
                _ => add_chat_user::handle(&context, &by, payload).await,
            }
        });
        if let Ok(written) = timeout_at(self.deadline(&origin), &mut writing).await {
            let outcome = written.unwrap_or(Err(Error::Internal));
            return self.finish_event(connection, &origin, outcome);
        }
        self.delivery.reply(&origin, Err(Error::UnknownOutcome));
        let (context, by) = (Arc::clone(self), Arc::clone(connection));
        tokio::spawn(async move {
            if let Ok(Ok(outcome)) = writing.await {
                context.tell_others(&by, outcome.deliveries);
                context.correct(&outcome.described);
            }
        });
    }

    /// When an event has to be answered, counted from when it came.
    pub(super) fn deadline(&self, origin: &Origin) -> Instant {
        origin.since + self.bounds.request
    }

    /// Waits for a handler at most as long as an answer may take.
    async fn within(
        &self,
        origin: &Origin,
        handler: impl Future<Output = Result<Outcome, Error>>,
        late: Error,
    ) -> Result<Outcome, Error> {
        timeout_at(self.deadline(origin), handler)
            .await
            .unwrap_or(Err(late))
    }

    /// Does what an event led to: first the asker's envelopes, then its
    /// acknowledgement, then what others are told.
    fn finish_event(
        &self,
        connection: &Arc<Connection>,
        origin: &Origin,
        outcome: Result<Outcome, Error>,
    ) {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.delivery.reply(origin, Reply::Err(error)),
        };
        let (own, others): (Vec<_>, Vec<_>) = outcome
            .deliveries
            .into_iter()
            .partition(|(audience, _)| matches!(audience, Audience::Asker));
        let mut handed = outcome.handed_over;
        for (_, json) in own {
            let packet = Packet::event(json).handing(std::mem::take(&mut handed));
            connection.send(packet);
        }
        self.delivery.reply_handing(origin, Ok(outcome.ack), handed);
        self.tell_others(connection, others);
        self.correct(&outcome.described);
        if outcome.login {
            Outbox::send_held(connection);
            if let Some(me) = connection.me() {
                self.presence.activate(me.id, self.delivery.as_ref());
            }
        }
    }

    /// Tells of those who came or went while an answer showed them.
    fn correct(&self, described: &[Description]) {
        for description in described {
            self.presence.correct(description, self.delivery.as_ref());
        }
    }

    /// Tells others what an event led to.
    fn tell_others(&self, connection: &Connection, deliveries: Vec<(Audience, Json)>) {
        for (audience, json) in deliveries {
            match (audience, connection.me()) {
                (Audience::User(who), _) => self.delivery.tell(who, &json, None),
                (Audience::OwnOthers, Some(me)) => {
                    self.delivery.tell(me.id, &json, Some(connection.id));
                }
                (Audience::OwnOthers, None) | (Audience::Asker, _) => {}
            }
        }
    }

    fn refuse(
        &self,
        connection: &Arc<Connection>,
        parsed: &Parsed<'_>,
        origin: &Origin,
        error: Error,
    ) {
        if origin.ack.is_none() && parsed.event.is_none() {
            let name: String = parsed.name.chars().take(MOST_NAME_CHARS).collect();
            Delivery::refuse_unknown(connection, origin, &name, &error);
        } else {
            self.delivery.reply(origin, Err(error));
        }
    }
}
