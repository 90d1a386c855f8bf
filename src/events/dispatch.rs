//! From a packet to a handler and back.

use std::sync::Arc;

use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::connection::Connection;
use super::delivery::Reply;
use super::fifo::{Incoming, Queued};
use super::outbox::Outbox;
use super::packet::Packet;
use super::{
    Audience, Context, Outcome, add_chat_user, connect_user, get_old_messages, message_delivered,
    message_read, send_message,
};
use crate::lanes::Origin;
use crate::service::Error;
use crate::service::presence::Departure;
use crate::wire::envelope;

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
        let queued = self
            .connection
            .fifo
            .lock()
            .push(event, self.context.limits.queue);
        match queued {
            Queued::Behind => {}
            Queued::First => {
                let (context, connection) = (self.context.clone(), self.connection.clone());
                tokio::spawn(work(context, connection));
            }
            Queued::Full(event) => {
                let parsed = Parsed::of(&event.value);
                let origin = parsed.origin(&self.connection, &event);
                self.context
                    .refuse(&self.connection, &parsed, &origin, Error::Overloaded);
            }
        }
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

/// An event's name and first argument.
struct Parsed<'a> {
    /// The name as the client wrote it.
    name: String,
    event: Option<Event>,
    payload: Option<&'a RawValue>,
}

/// The events of the contract.
#[derive(Clone, Copy)]
enum Event {
    ConnectUser,
    AddChatUser,
    GetOldMessages,
    SendMessage,
    MessageRead,
    MessageDelivered,
    Disconnect,
}

impl Event {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "connect-user" => Self::ConnectUser,
            "add-chat-user" => Self::AddChatUser,
            "get-old-messages" => Self::GetOldMessages,
            "send-message" => Self::SendMessage,
            "message-read" => Self::MessageRead,
            "message-delivered" => Self::MessageDelivered,
            "disconnect" => Self::Disconnect,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ConnectUser => "connect-user",
            Self::AddChatUser => "add-chat-user",
            Self::GetOldMessages => "get-old-messages",
            Self::SendMessage => "send-message",
            Self::MessageRead => "message-read",
            Self::MessageDelivered => "message-delivered",
            Self::Disconnect => "disconnect",
        }
    }
}

/// Longest name of an unknown event that is told back, in characters.
const MOST_NAME_CHARS: usize = 64;

impl<'a> Parsed<'a> {
    fn of(value: &'a Value) -> Self {
        let text = match value {
            Value::Str(text, _) => text.as_str(),
            Value::Bytes(_) => "[]",
        };
        let arguments: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let mut arguments = arguments.into_iter();
        let name: String = arguments
            .next()
            .and_then(|name| serde_json::from_str(name.get()).ok())
            .unwrap_or_default();
        Self {
            event: Event::of(&name),
            name,
            payload: arguments.next(),
        }
    }

    fn origin(&self, connection: &Connection, event: &Incoming) -> Origin {
        Origin {
            socket: connection.id,
            ack: event.ack,
            event: self.event.map_or("unknown", Event::name),
            since: event.since,
        }
    }
}

impl Context {
    async fn handle(&self, connection: &Arc<Connection>, incoming: &Incoming) {
        let parsed = Parsed::of(&incoming.value);
        let origin = parsed.origin(connection, incoming);
        let span = tracing::debug_span!("event", name = origin.event, socket = connection.id.0);
        let Some(event) = parsed.event else {
            let unknown = Error::BadRequest("there is no such event".into());
            return self.refuse(connection, &parsed, &origin, unknown);
        };
        if self.is_draining() {
            return self.refuse(connection, &parsed, &origin, Error::Unavailable);
        }
        self.run(event, connection, parsed.payload, origin)
            .instrument(span)
            .await;
    }

    async fn run(
        &self,
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
                // boxed, as below: rare, and large beside what a send needs
                let outcome = Box::pin(connect_user::handle(self, connection, payload)).await;
                self.finish_event(connection, &origin, outcome);
            }
            Event::AddChatUser => {
                let outcome = self
                    .within(
                        Box::pin(add_chat_user::handle(self, connection, payload)),
                        Error::UnknownOutcome,
                    )
                    .await;
                self.finish_event(connection, &origin, outcome);
            }
            Event::GetOldMessages => {
                let has_ack = origin.ack.is_some();
                let outcome = self
                    .within(
                        Box::pin(get_old_messages::handle(self, connection, payload, has_ack)),
                        Error::Unavailable,
                    )
                    .await;
                self.finish_event(connection, &origin, outcome);
            }
            Event::Disconnect => {
                self.leave(connection, Departure::Clean);
                connection.cut();
            }
        }
    }

    /// Waits for a handler at most as long as an answer may take.
    async fn within(
        &self,
        handler: impl Future<Output = Result<Outcome, Error>>,
        late: Error,
    ) -> Result<Outcome, Error> {
        tokio::time::timeout(self.limits.request, handler)
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
        for (_, json) in own {
            connection.send(Packet::Event(json));
        }
        self.delivery.reply(origin, Ok(outcome.ack));
        for range in outcome.handed_over {
            connection.note_handed(range);
        }
        for (audience, json) in others {
            match (audience, connection.me()) {
                (Audience::User(who), _) => self.delivery.tell(who, &json, None),
                (Audience::OwnOthers, Some(me)) => {
                    self.delivery.tell(me.id, &json, Some(connection.id));
                }
                (Audience::OwnOthers, None) | (Audience::Asker, _) => {}
            }
        }
        if outcome.login {
            Outbox::send_held(connection);
            if let Some(me) = connection.me() {
                self.presence.activate(me.id, self.delivery.as_ref());
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
            connection.send(Packet::Event(envelope::error(&name, &error)));
        } else {
            self.delivery.reply(origin, Err(error));
        }
    }
}
