//! The state of one connection, and where each received packet is routed.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::super::canary;
use super::options::{ConnectOptions, Eio};
use super::outbox::{Outbox, Outgoing};
use super::packet::{Open, Packet, message};
use super::tap::{Incoming, Tap};

/// An event from the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name of the event.
    pub name: String,
    /// The arguments after the name.
    pub args: Vec<Value>,
    /// Set if the server requested an ack.
    pub ack_id: Option<u64>,
}

/// What ended a connection; the first cause counts.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CloseCause {
    /// A Socket.IO DISCONNECT packet from the server.
    #[error("the server disconnected the namespace")]
    Disconnected,
    /// An Engine.IO close packet from the server.
    #[error("the server closed the session")]
    EngineClosed,
    /// A websocket close frame, with its code if it had one.
    #[error("websocket close frame, code {0:?}")]
    Websocket(Option<u16>),
    /// A long-polling request was answered with this status.
    #[error("a polling request was answered with status {status}: {body}")]
    Http {
        /// Status of the response.
        status: u16,
        /// Body of the response.
        body: String,
    },
    /// The TCP connection ended or broke.
    #[error("transport: {0}")]
    Transport(String),
    /// The server sent something that this client cannot read.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// This client closed or dropped the connection.
    #[error("ended by this client")]
    Own,
}

/// Why an ack did not arrive.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AckError {
    /// The connection ended first.
    #[error("no ack: {0}")]
    Closed(CloseCause),
    /// The time limit passed.
    #[error("no ack within {0:?}")]
    Timeout(Duration),
}

/// Why no event arrived.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Silence {
    /// The connection ended, and everything that arrived was taken.
    #[error("the connection ended: {0}")]
    Closed(CloseCause),
    /// The time limit passed.
    #[error("nothing came within {0:?}")]
    Timeout(Duration),
}

/// Shared by the client and the tasks of its transport.
pub(super) struct Session {
    pub(super) namespace: String,
    auto_ack: bool,
    answer_pings: bool,
    tap: Option<Tap>,
    /// The secrets that the server got and must not send.
    tokens: Vec<String>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    state: Mutex<State>,
    changed: Notify,
    /// Cancelled once the connection has ended.
    pub(super) ended: CancellationToken,
    /// Cancelled to freeze the transport's tasks where they are.
    pub(super) silent: CancellationToken,
}

/// The state after the packets so far.
#[derive(Default)]
pub(super) struct State {
    pub(super) connected: Option<Result<(), String>>,
    pub(super) inbox: VecDeque<Event>,
    pub(super) received: Vec<u8>,
    pub(super) cause: Option<CloseCause>,
    /// A secret that the server sent.
    pub(super) leaked: Option<String>,
    acks: HashMap<u64, oneshot::Sender<Vec<Value>>>,
    next_ack: u64,
}

impl Session {
    /// A session and the packets that its transport has to write.
    pub(super) fn new(options: &ConnectOptions, open: &Open, received: Vec<u8>) -> (Self, Outbox) {
        let ended = CancellationToken::new();
        let ping_every =
            (options.heartbeat && options.eio == Eio::V3).then(|| open.ping_interval());
        let (outgoing, outbox) = Outbox::new(ping_every, ended.clone());
        let session = Self {
            namespace: options.namespace.clone(),
            auto_ack: options.auto_ack,
            answer_pings: options.heartbeat && options.eio == Eio::V4,
            tap: options.tap.clone(),
            tokens: options.tokens(),
            outgoing,
            state: Mutex::new(State {
                received,
                ..State::default()
            }),
            changed: Notify::new(),
            ended,
            silent: CancellationToken::new(),
        };
        (session, outbox)
    }

    /// Queues an Engine.IO packet; packets leave in the order queued.
    pub(super) fn send(&self, packet: String) -> Result<(), CloseCause> {
        match &self.state.lock().cause {
            Some(cause) => return Err(cause.clone()),
            // A writer that has just stopped is about to record the cause.
            None => drop(self.outgoing.send(Outgoing::Packet(packet))),
        }
        Ok(())
    }

    /// Asks the transport to send what is queued and close.
    pub(super) fn send_close(&self) {
        drop(self.outgoing.send(Outgoing::Close));
    }

    /// A fresh ack id and the receiver of its answer.
    pub(super) fn reserve_ack(&self) -> Result<(u64, oneshot::Receiver<Vec<Value>>), CloseCause> {
        let mut state = self.state.lock();
        if let Some(cause) = &state.cause {
            return Err(cause.clone());
        }
        let id = state.next_ack;
        state.next_ack += 1;
        let (answer, receiver) = oneshot::channel();
        state.acks.insert(id, answer);
        Ok((id, receiver))
    }

    /// Keeps bytes that came from the server.
    ///
    /// A secret among them fails the test, when the client is dropped.
    pub(super) fn record(&self, bytes: &[u8]) {
        if let Some(secret) = canary::found_in(bytes, &self.tokens) {
            self.state.lock().leaked.get_or_insert(secret);
        }
        if self.tap.is_some() {
            return;
        }
        let received = &mut self.state.lock().received;
        received.extend_from_slice(bytes);
        received.push(b'\n');
    }

    /// Takes one Engine.IO packet from the server.
    pub(super) fn receive(&self, packet: &str) {
        match packet.as_bytes().first() {
            Some(b'1') => self.finish(CloseCause::EngineClosed),
            Some(b'2') if self.answer_pings => drop(self.send(format!("3{}", &packet[1..]))),
            Some(b'4') => match Packet::parse(&packet[1..]) {
                Ok((namespace, packet)) if namespace == self.namespace => self.route(packet),
                // Engine.IO 3 connects `/` too, whatever the namespace asked for.
                Ok(_) => {}
                Err(why) => self.finish(CloseCause::Unreadable(why)),
            },
            Some(b'2' | b'3' | b'6') => {}
            _ => self.finish(CloseCause::Unreadable(packet.to_owned())),
        }
    }

    fn route(&self, packet: Packet) {
        match packet {
            Packet::Connect => self.state.lock().connected = Some(Ok(())),
            Packet::Refused(message) => self.state.lock().connected = Some(Err(message)),
            Packet::Disconnect => self.finish(CloseCause::Disconnected),
            Packet::Ack { id, args } => {
                self.show(Incoming::Ack { id, args: &args });
                let waiting = self.state.lock().acks.remove(&id);
                match waiting {
                    // Nobody waits any more if the test has dropped the future.
                    Some(answer) => drop(answer.send(args)),
                    None => self.finish(CloseCause::Unreadable(format!(
                        "a second ack, or one never asked for: id {id}, {args:?}"
                    ))),
                }
            }
            Packet::Event { id, mut args } => {
                if args.is_empty() || !args[0].is_string() {
                    let why = format!("an event without a name: {args:?}");
                    return self.finish(CloseCause::Unreadable(why));
                }
                let name = args.remove(0).as_str().unwrap_or_default().to_owned();
                let event = Event {
                    name,
                    args,
                    ack_id: id,
                };
                self.show(Incoming::Event(&event));
                if self.tap.is_none() {
                    self.state.lock().inbox.push_back(event);
                }
                if let Some(id) = id.filter(|_| self.auto_ack) {
                    drop(self.send(message('3', &self.namespace, Some(id), "[]")));
                }
            }
        }
        self.changed.notify_waiters();
    }

    /// Records that the connection has ended, and why.
    pub(super) fn finish(&self, cause: CloseCause) {
        let mut state = self.state.lock();
        let first = state.cause.is_none();
        if first {
            self.show(Incoming::End(&cause));
            state.cause = Some(cause);
        }
        state.acks.clear();
        drop(state);
        self.ended.cancel();
        self.changed.notify_waiters();
    }

    fn show(&self, incoming: Incoming<'_>) {
        if let Some(Tap(look)) = &self.tap {
            look(incoming);
        }
    }

    /// Checks the state now.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock())
    }

    /// Checks the state now and after each change until there is an answer.
    pub(super) async fn wait<T: Send>(
        &self,
        within: Duration,
        mut look: impl FnMut(&mut State) -> Option<T> + Send,
    ) -> Option<T> {
        let deadline = Instant::now() + within;
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let found = self.look(&mut look);
            if found.is_some() {
                return found;
            }
            timeout_at(deadline, changed).await.ok()?;
        }
    }
}
