//! From a packet to a handler and back.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use super::connection::Connection;
use super::connection::fifo::{Incoming, Queued};
use super::connection::flow::Permit;
use super::connection::packet::Packet;
use super::parsed::{self, Event, MAX_NAME_CHARS, Parsed};
use super::{Audience, Call, Context, Outcome};
use crate::hooks::Turn;
use crate::rooms::{Caller, Origin};
use crate::service::presence::{Departure, Description};
use crate::service::{Error, Me};
use crate::wire::request::{self, client_events};
use crate::wire::{Notice, PerDialect, Render as _};

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
        let most = self.context.bounds.queue;
        let queued = self.connection.fifo.lock().push(event, most);
        match queued {
            Queued::Waiting => {}
            Queued::First => {
                let (context, connection) = (self.context.clone(), self.connection.clone());
                self.context.busy.spawn(work(context, connection));
            }
            Queued::Full(event) => self.refuse(&event, Error::Overloaded),
        }
    }
}

impl Dispatcher {
    /// Refuses an event that does not even wait.
    fn refuse(&self, event: &Incoming, error: Error) {
        if self.connection.fifo.lock().is_closed() {
            return;
        }
        let parsed = Parsed::of(&event.value);
        let origin = parsed.origin(&self.connection, event);
        self.context.refuse(&parsed, &origin, error);
    }
}

/// Works off the events of one socket until none waits.
async fn work(context: Arc<Context>, connection: Arc<Connection>) {
    loop {
        connection.ready().await;
        let Some(event) = connection.next_event() else {
            return;
        };
        context.handle(&connection, &event).await;
    }
}

/// An event as it came.
struct Asked<'a> {
    connection: &'a Arc<Connection>,
    origin: Origin,
    bytes: usize,
    payload: Option<&'a RawValue>,
}

macro_rules! run {
    ($($name:literal $summary:literal $handler:ident($event:ident) -> $result:ty, $limit:ident, $order:ident;)*) => {
        impl Context {
            /// Runs an event in its order.
            async fn run(
                self: &Arc<Self>,
                event: Event,
                asked: &Asked<'_>,
            ) {
                match event {
                    $(Event::$event => {
                        self.$order(asked, super::events::$handler::handle).await;
                    })*
                    Event::Disconnect => {
                        self.end(asked.connection, Departure::Clean);
                    }
                }
            }
        }
    };
}
client_events!(run);

impl Context {
    async fn handle(self: &Arc<Self>, connection: &Arc<Connection>, incoming: &Incoming) {
        let parsed = Parsed::of(&incoming.value);
        let origin = parsed.origin(connection, incoming);
        let span = tracing::debug_span!("event", name = origin.event, socket = connection.id.0);
        let Some(event) = parsed.event else {
            let unknown = Error::BadRequest("there is no such event".into());
            return self.refuse(&parsed, &origin, unknown);
        };
        // one that waited too long behind others on its socket is not begun
        let late = Instant::now() >= self.deadline(&origin);
        if self.is_draining() || late && !matches!(event, Event::Disconnect) {
            return self.refuse(&parsed, &origin, Error::Unavailable);
        }
        let asked = Asked {
            connection,
            origin,
            bytes: incoming.bytes(),
            payload: parsed.payload,
        };
        self.run(event, &asked).instrument(span).await;
    }

    /// An event that a lane answers, once it has accepted it; a refusal is
    /// answered here.
    async fn lane<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R, Caller) -> F + Send,
    ) where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let origin = &asked.origin;
        let (call, request) = match self.admit(asked) {
            Ok(admitted) => admitted,
            Err(error) => return self.hub.refuse(origin, error),
        };
        let handling = handle(call, request, self.caller(asked));
        let accepted = timeout_at(self.deadline(origin), handling).await;
        if let Err(error) = accepted.unwrap_or(Err(Error::Unavailable)) {
            self.hub.refuse(origin, error);
        }
    }

    /// A send: as [`Context::lane`], unless a hook is asked. Then it waits for the answer in a
    /// task of its own, so that nothing but the sends and adds of its socket waits, and is
    /// handed to its lane in its turn.
    async fn send<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R, Caller, Option<Turn>) -> F + Send,
    ) where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        if self.messenger.has_turns() {
            return self.begin_send(asked, handle);
        }
        let handle = |call, request, caller| handle(call, request, caller, None);
        self.lane(asked, handle).await;
    }

    fn begin_send<R: DeserializeOwned, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R, Caller, Option<Turn>) -> F,
    ) where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let (call, request) = match self.admit(asked) {
            Ok(admitted) => admitted,
            Err(error) => return self.hub.refuse(&asked.origin, error),
        };
        let turn = asked.connection.turns.of_send();
        let handling = handle(call, request, self.caller(asked), Some(turn.clone()));
        let (context, origin) = (Arc::clone(self), asked.origin.clone());
        let deadline = self.deadline(&origin);
        let task = async move {
            let accepted = timeout_at(deadline, handling).await;
            if let Err(error) = accepted.unwrap_or(Err(Error::Unavailable)) {
                context.hub.refuse(&origin, error);
                // what is behind it must not overtake what is before it
                let _ = timeout_at(deadline, turn.come()).await;
            }
            drop(turn);
        };
        self.busy.spawn(task.in_current_span());
    }

    /// An add: as [`Context::write`], unless a hook is asked. Then it has its turn among the
    /// sends of its socket.
    async fn add<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R) -> F + Send,
    ) where
        F: Future<Output = Result<Outcome, Error>> + Send + 'static,
    {
        if self.messenger.has_turns() {
            return self.begin_add(asked, handle);
        }
        self.write(asked, handle).await;
    }

    fn begin_add<R: DeserializeOwned, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R) -> F,
    ) where
        F: Future<Output = Result<Outcome, Error>> + Send + 'static,
    {
        let (call, request) = match self.admit(asked) {
            Ok(admitted) => admitted,
            Err(error) => return self.finish_event(asked, Err(error)),
        };
        let me = Arc::clone(&call.me);
        let turn = asked.connection.turns.of_add();
        let permit = Permit::take(asked.connection, asked.bytes, &self.busy);
        let handling = handle(call, request);
        let (context, connection) = (Arc::clone(self), Arc::clone(asked.connection));
        let origin = asked.origin.clone();
        let task = async move {
            let asked = Asked {
                connection: &connection,
                origin,
                bytes: 0,
                payload: None,
            };
            let come = timeout_at(context.deadline(&asked.origin), turn.come()).await;
            match come {
                Ok(()) => {
                    let writing = tokio::spawn(handling.in_current_span());
                    context.finish_write(&asked, me, writing).await;
                }
                Err(_) => context.finish_event(&asked, Err(Error::Unavailable)),
            }
            drop((turn, permit));
        };
        self.busy.spawn(task.in_current_span());
    }

    /// Who asks for what a lane answers, with the share of its socket.
    fn caller(&self, asked: &Asked<'_>) -> Caller {
        Caller::Socket(Origin {
            permit: Some(Permit::take(asked.connection, asked.bytes, &self.busy)),
            ..asked.origin.clone()
        })
    }

    /// An event that writes nothing: given up when its answer is late.
    async fn read<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R) -> F + Send,
    ) where
        F: Future<Output = Result<Outcome, Error>> + Send,
    {
        let handling = self.admit(asked).map(|(call, request)| {
            // boxed, as below: rare, and large beside what a send needs
            Box::pin(handle(call, request))
        });
        self.finish_in_time(asked, handling).await;
    }

    /// As [`Context::read`], for the event that is heard when the token is over.
    async fn renew<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R) -> F + Send,
    ) where
        F: Future<Output = Result<Outcome, Error>> + Send,
    {
        let handling = request::decode(asked.payload).and_then(|request| {
            let call = self.call(asked)?;
            Ok(Box::pin(handle(call, request)))
        });
        self.finish_in_time(asked, handling).await;
    }

    async fn finish_in_time(
        &self,
        asked: &Asked<'_>,
        handling: Result<impl Future<Output = Result<Outcome, Error>> + Send, Error>,
    ) {
        let outcome = match handling {
            Ok(handling) => timeout_at(self.deadline(&asked.origin), handling)
                .await
                .unwrap_or(Err(Error::Unavailable)),
            Err(error) => Err(error),
        };
        self.finish_event(asked, outcome);
    }

    /// The event that logs in: it keeps the time itself, as it has to clean up.
    async fn login<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Arc<Self>, Arc<Connection>, R, Instant) -> F + Send,
    ) where
        F: Future<Output = Result<Outcome, Error>> + Send,
    {
        let request = self.check_token(asked.connection);
        let outcome = match request.and_then(|()| request::decode(asked.payload)) {
            Ok(request) => {
                let (context, connection) = (Arc::clone(self), Arc::clone(asked.connection));
                let late = self.deadline(&asked.origin);
                Box::pin(handle(context, connection, request, late)).await
            }
            Err(error) => Err(error),
        };
        self.finish_event(asked, outcome);
    }

    /// An event that writes for itself runs in a task of its own: once it may
    /// be written, others are notified, even if the answer is late.
    async fn write<R: DeserializeOwned + Send, F>(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        handle: impl FnOnce(Call, R) -> F + Send,
    ) where
        F: Future<Output = Result<Outcome, Error>> + Send + 'static,
    {
        let (call, request) = match self.admit(asked) {
            Ok(admitted) => admitted,
            Err(error) => return self.finish_event(asked, Err(error)),
        };
        // the socket may be somebody else's by the time it is written
        let me = Arc::clone(&call.me);
        let writing = tokio::spawn(handle(call, request).in_current_span());
        self.finish_write(asked, me, writing).await;
    }

    async fn finish_write(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        me: Arc<Me>,
        mut writing: JoinHandle<Result<Outcome, Error>>,
    ) {
        if let Ok(written) = timeout_at(self.deadline(&asked.origin), &mut writing).await {
            return self.finish_event(asked, written.unwrap_or(Err(Error::Internal)));
        }
        self.finish_event(asked, Err(Error::UnknownOutcome));
        let (context, connection) = (Arc::clone(self), Arc::clone(asked.connection));
        tokio::spawn(async move {
            if let Ok(Ok(outcome)) = writing.await {
                context.tell_others(&connection, Some(&me), outcome.notices);
                context.correct(&outcome.described);
            }
        });
    }

    /// Who asks for what, if they may.
    fn admit<R: DeserializeOwned>(self: &Arc<Self>, asked: &Asked<'_>) -> Result<(Call, R), Error> {
        self.check_token(asked.connection)?;
        Ok((self.call(asked)?, request::decode(asked.payload)?))
    }

    fn call(self: &Arc<Self>, asked: &Asked<'_>) -> Result<Call, Error> {
        let me = asked.connection.me().ok_or(Error::NotConnected)?;
        Ok(Call {
            context: Arc::clone(self),
            connection: Arc::clone(asked.connection),
            me,
            origin: asked.origin.clone(),
        })
    }

    fn check_token(&self, connection: &Connection) -> Result<(), Error> {
        if connection.has_expired(self.messenger.clock().now()) {
            return Err(Error::Unauthorized("the token has expired".into()));
        }
        Ok(())
    }

    /// When an event has to be answered, counted from when it came.
    pub(super) fn deadline(&self, origin: &Origin) -> Instant {
        origin.since + self.bounds.request
    }

    /// Does what an event led to: first the asker's envelopes, then its
    /// acknowledgement, then the notices to others.
    fn finish_event(&self, asked: &Asked<'_>, outcome: Result<Outcome, Error>) {
        let (connection, origin) = (asked.connection, &asked.origin);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.hub.refuse(origin, error),
        };
        let (own, others): (Vec<_>, Vec<_>) = outcome
            .notices
            .into_iter()
            .partition(|(audience, _)| matches!(audience, Audience::Asker));
        let mut handed = outcome.sent_ranges;
        for (_, notice) in own {
            let packet = Packet::event(notice.render(connection.dialect()));
            connection.send(packet.handing(std::mem::take(&mut handed)));
        }
        self.hub.reply(origin, &Ok(outcome.reply), handed);
        let me = connection.me();
        self.tell_others(connection, me.as_deref(), others);
        self.correct(&outcome.described);
        if outcome.login {
            connection.send_held();
            if let Some(me) = me {
                self.presence.activate(me.id);
            }
        }
        drop(outcome.turn);
    }

    /// Tells of those who came or went while an answer showed them.
    pub(super) fn correct(&self, described: &[Description]) {
        for description in described {
            self.presence.correct(description);
        }
    }

    /// Tells others what an event led to.
    fn tell_others(
        &self,
        connection: &Connection,
        me: Option<&Me>,
        notices: Vec<(Audience, Notice<'_>)>,
    ) {
        for (audience, notice) in notices {
            let notice = PerDialect::new(notice);
            match (audience, me) {
                (Audience::User(who), _) => self.hub.tell(who, &notice, None),
                (Audience::OwnOthers, Some(me)) => {
                    self.hub.tell(me.id, &notice, Some(connection.id));
                }
                (Audience::OwnOthers, None) | (Audience::Asker, _) => {}
            }
        }
    }

    fn refuse(&self, parsed: &Parsed<'_>, origin: &Origin, error: Error) {
        if parsed.event.is_some() {
            return self.hub.refuse(origin, error);
        }
        let name: String = parsed.name.chars().take(MAX_NAME_CHARS).collect();
        self.hub.refuse_unknown(origin, &name, error);
    }
}
