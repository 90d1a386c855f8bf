//! Connecting, emitting, acknowledging and the ways to end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::options::{ConnectError, ConnectOptions, Eio, Transport};
use super::packet::message;
use super::session::{AckError, CloseCause, Session, Silence};
use super::{polling, websocket};

/// How long to wait for something that is certain to arrive.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The arguments of an ack, once they have arrived.
pub type Ack = Pin<Box<dyn Future<Output = Result<Vec<Value>, AckError>> + Send>>;

/// A connected client. Dropping it drops the TCP connection.
pub struct Client {
    pub(super) session: Arc<Session>,
    tasks: Mutex<JoinSet<()>>,
}

impl Client {
    /// Opens a session and connects its namespace.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        assert!(
            options.eio == Eio::V4 || options.auth.is_none(),
            "Engine.IO 3 has no auth payload: use a header or the query"
        );
        let within = options.timeout;
        timeout(within, Self::connect_unbounded(&options))
            .await
            .unwrap_or(Err(ConnectError::Timeout(within)))
    }

    async fn connect_unbounded(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let mut tasks = JoinSet::new();
        let session = match options.transport {
            Transport::Websocket => websocket::open(options, &mut tasks).await?,
            Transport::Polling => polling::open(options, &mut tasks).await?,
        };
        // Engine.IO 3 servers connect `/` unasked.
        if options.eio == Eio::V4 || session.namespace != "/" {
            let auth = options.auth.as_ref().map(Value::to_string);
            let auth = auth.unwrap_or_default();
            let query = match options.namespace_query.as_str() {
                "" => String::new(),
                query => format!("?{query}"),
            };
            let name = session.namespace.clone() + &query;
            let connect = message('0', &name, None, &auth);
            session.send(connect).map_err(ConnectError::Closed)?;
        }
        let answer = session
            .wait(options.timeout, |state| {
                let closed = || state.cause.clone().map(|c| Err(ConnectError::Closed(c)));
                let refused = |message| ConnectError::Refused { message };
                let answer = state.connected.clone().map(|c| c.map_err(refused));
                answer.or_else(closed)
            })
            .await;
        answer.unwrap_or(Err(ConnectError::Timeout(options.timeout)))?;
        Ok(Self {
            session,
            tasks: Mutex::new(tasks),
        })
    }

    /// Emits an event with one argument and without an ack callback.
    ///
    /// # Errors
    /// The cause, if the connection is known to have ended.
    pub fn emit(&self, event: &str, payload: impl Serialize) -> Result<(), CloseCause> {
        self.session.send(self.event(None, &(event, payload)))
    }

    /// Emits an event without any argument.
    ///
    /// # Errors
    /// As [`Client::emit`].
    pub fn emit_bare(&self, event: &str) -> Result<(), CloseCause> {
        self.session.send(self.event(None, &[event]))
    }

    /// Sends an Engine.IO packet as it is, such as `42["name",{}]`.
    ///
    /// An ack id inside it must come from [`Client::reserve_ack`].
    ///
    /// # Errors
    /// As [`Client::emit`].
    pub fn emit_raw(&self, frame: impl Into<String>) -> Result<(), CloseCause> {
        self.session.send(frame.into())
    }

    /// Emits an event and waits at most [`PATIENCE`] for its ack.
    ///
    /// # Errors
    /// See [`AckError`].
    pub async fn emit_with_ack(
        &self,
        event: &str,
        payload: impl Serialize + Send,
    ) -> Result<Vec<Value>, AckError> {
        self.emit_ack_pipelined(event, payload).await
    }

    /// Emits an event before it returns; the future waits for its ack.
    pub fn emit_ack_pipelined<P: Serialize>(&self, event: &str, payload: P) -> Ack {
        self.reserve(|id| self.session.send(self.event(Some(id), &(event, payload))))
    }

    /// An ack id for [`Client::emit_raw`], and the ack.
    ///
    /// # Errors
    /// As [`Client::emit`].
    pub fn reserve_ack(&self) -> Result<(u64, Ack), CloseCause> {
        let (id, answer) = self.session.reserve_ack()?;
        Ok((id, self.await_ack(answer)))
    }

    fn reserve(&self, send: impl FnOnce(u64) -> Result<(), CloseCause>) -> Ack {
        let ack = self.reserve_ack().and_then(|(id, ack)| {
            send(id)?;
            Ok(ack)
        });
        ack.unwrap_or_else(|cause| Box::pin(async { Err(AckError::Closed(cause)) }))
    }

    fn await_ack(&self, answer: oneshot::Receiver<Vec<Value>>) -> Ack {
        let session = Arc::clone(&self.session);
        let deadline = Instant::now() + PATIENCE;
        Box::pin(async move {
            match timeout_at(deadline, answer).await {
                Ok(Ok(args)) => Ok(args),
                Ok(Err(_)) => {
                    let cause = session.look(|state| state.cause.clone());
                    Err(AckError::Closed(cause.expect("only an end drops acks")))
                }
                Err(_) => Err(AckError::Timeout(PATIENCE)),
            }
        })
    }

    /// Acknowledges an event of the server with these arguments.
    ///
    /// # Errors
    /// As [`Client::emit`].
    pub fn ack(&self, id: u64, args: &[Value]) -> Result<(), CloseCause> {
        let args = serde_json::to_string(args).expect("a JSON value is JSON");
        let packet = message('3', &self.session.namespace, Some(id), &args);
        self.session.send(packet)
    }

    /// Everything the server sent so far: headers, bodies, frames.
    pub fn received_bytes(&self) -> Vec<u8> {
        self.session.look(|state| state.received.clone())
    }

    /// Disconnects the namespace, closes the transport and waits for its end.
    pub async fn close(&self) {
        let bye = message('1', &self.session.namespace, None, "");
        if self.session.send(bye).is_ok() {
            self.session.send_close();
        }
        let mut tasks = self.take_tasks();
        let ended = async { while tasks.join_next().await.is_some() {} };
        timeout(PATIENCE, ended).await.ok();
        tasks.shutdown().await;
        self.session.finish(CloseCause::Own);
    }

    /// Closes the TCP connections without notifying the server.
    pub async fn drop_connection(&self) {
        self.take_tasks().shutdown().await;
        self.session.finish(CloseCause::Own);
    }

    /// Stops reading and writing, but keeps the TCP connections open.
    pub fn go_silent(&self) {
        self.session.silent.cancel();
    }

    /// Waits until the connection has ended, and returns the reason.
    ///
    /// A DISCONNECT of the namespace counts: like the official clients, this
    /// one then closes the transport.
    ///
    /// # Errors
    /// [`Silence::Timeout`] if it is still open after `within`.
    pub async fn closed(&self, within: Duration) -> Result<CloseCause, Silence> {
        let cause = self.session.wait(within, |state| state.cause.clone()).await;
        cause.ok_or(Silence::Timeout(within))
    }

    fn event(&self, id: Option<u64>, args: &impl Serialize) -> String {
        let args = serde_json::to_string(args).expect("the payload is representable in JSON");
        message('2', &self.session.namespace, id, &args)
    }

    fn take_tasks(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.tasks.lock())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // In this order, or the writer might still send a close packet.
        self.tasks.get_mut().abort_all();
        self.session.finish(CloseCause::Own);
        let leaked = self.session.look(|state| state.leaked.take());
        // a test that has failed already says why
        assert!(
            leaked.is_none() || std::thread::panicking(),
            "the server sent a secret: {leaked:?}"
        );
    }
}
