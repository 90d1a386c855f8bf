//! A connection whose every event is recorded in the history.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::memory::Memory;
use super::{World, count};
use crate::support::frame::{
    AckError, Client, CloseCause, ConnectOptions, Eio, Event, Incoming, Tap, Transport,
};
use crate::support::user::{Outcome, outcome};

/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How a person connects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// The server, by number.
    pub(crate) server: usize,
    /// Whether it is reached over the link of some people alone.
    pub(crate) apart: bool,
    /// What carries the packets.
    pub(crate) wire: (Eio, Transport),
    /// Whether new messages are acknowledged.
    pub(crate) acks: bool,
}

/// One connection of one person.
pub(crate) struct Connection {
    /// Its number in the history.
    pub(crate) number: u64,
    client: Client,
    log: Arc<Log>,
}

/// What the tap of a connection writes to.
struct Log {
    world: Arc<World>,
    memory: Arc<Memory>,
    user: String,
    number: u64,
    /// How the history calls a dropped TCP connection. With a polling client nobody is
    /// notified: the server waits for its next request.
    dropped: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The operation behind each ack id.
    operations: HashMap<u64, u64>,
    ended: bool,
}

impl Connection {
    /// Connects; `None` when that fails, which is nothing that has to be told.
    pub(crate) async fn open(
        world: &Arc<World>,
        memory: &Arc<Memory>,
        user: &str,
        manner: Manner,
    ) -> Option<Self> {
        let number = world.recorder.connection();
        let log = Arc::new(Log {
            world: Arc::clone(world),
            memory: Arc::clone(memory),
            user: user.to_owned(),
            number,
            dropped: match manner.wire.1 {
                Transport::Websocket => "cut",
                Transport::Polling => "silent",
            },
            state: Mutex::default(),
        });
        let seen = Arc::clone(&log);
        let tap = Tap(Arc::new(move |incoming: Incoming<'_>| seen.see(&incoming)));
        let addr: SocketAddr = world.servers.get(manner.server)?[usize::from(manner.apart)];
        let options = ConnectOptions {
            tap: Some(tap),
            timeout: CONNECT_WITHIN,
            ..ConnectOptions::new(addr).over(manner.wire)
        };
        // what comes before this line is known would be before its `open`
        world.recorder.write(
            "open",
            json!({ "c": number, "u": user, "server": manner.server, "acks": manner.acks,
                    "wire": wire_name(manner.wire) }),
        );
        let Ok(client) = Client::connect(options).await else {
            log.end("lost");
            return None;
        };
        count(&world.tally.connections);
        Some(Self {
            number,
            client,
            log,
        })
    }

    /// Whether the connection is known to have ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.log.state.lock().ended
    }

    /// Emits an event before it returns; the future waits for its answer.
    pub(crate) fn ask(
        &self,
        event: &str,
        payload: &Value,
        walk: Option<u64>,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let asked = self.write(event, payload, walk);
        async move {
            match asked {
                Ok(ack) => outcome(ack.await),
                Err(cause) => outcome(Err(AckError::Closed(cause))),
            }
        }
    }

    fn write(
        &self,
        event: &str,
        payload: &Value,
        walk: Option<u64>,
    ) -> Result<impl Future<Output = Result<Vec<Value>, AckError>> + Send + use<>, CloseCause> {
        let (id, ack) = self.client.reserve_ack()?;
        let recorder = &self.log.world.recorder;
        let operation = recorder.operation();
        {
            // under the lock, or the end could be written before it
            let mut state = self.log.state.lock();
            if state.ended {
                return Err(CloseCause::Own);
            }
            state.operations.insert(id, operation);
            let mut line =
                json!({ "c": self.number, "op": operation, "event": event, "payload": payload });
            if let Some(walk) = walk {
                line["walk"] = walk.into();
            }
            recorder.write("invoke", line);
        }
        let args = json!([event, payload]);
        self.client.emit_raw(format!("42{id}{args}"))?;
        Ok(ack)
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        // first: contacts may be notified before the transport has ended
        self.log.end("clean");
        self.client.close().await;
    }

    /// Drops the TCP connection.
    pub(crate) async fn cut(self) {
        self.log.end(self.log.dropped);
        self.client.drop_connection().await;
    }

    /// Falls silent; the TCP connection stays open for `kept`.
    pub(crate) fn fall_silent(self, kept: Duration) {
        self.log.end("silent");
        self.client.go_silent();
        tokio::spawn(async move {
            tokio::time::sleep(kept).await;
            drop(self);
        });
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.log.end(self.log.dropped);
        self.log.memory.forget(self.number);
    }
}

impl Log {
    fn see(&self, incoming: &Incoming<'_>) {
        match incoming {
            Incoming::Ack { id, args } => self.answer(*id, args),
            Incoming::Event(event) => self.envelope(event),
            Incoming::End(_) => self.end("lost"),
        }
    }

    fn answer(&self, id: u64, args: &[Value]) {
        let state = self.state.lock();
        if state.ended {
            return;
        }
        let operation = state.operations.get(&id).copied();
        // an answer nobody asked for: no `invoke` has its number
        let operation = operation.unwrap_or_else(|| self.world.recorder.operation());
        let mut line = json!({ "c": self.number, "op": operation });
        match args {
            [Value::Null, result] => line["ok"] = result.clone(),
            [error, ..] => line["error"] = error.clone(),
            [] => line["error"] = json!({ "code": "", "message": "an ack without arguments" }),
        }
        self.world.recorder.write("answer", line);
    }

    fn envelope(&self, event: &Event) {
        let state = self.state.lock();
        if state.ended {
            return;
        }
        let fields = event.args.first().cloned().unwrap_or_default();
        let kind = fields["type"].as_str().unwrap_or_default().to_owned();
        let data = fields["data"].clone();
        self.memory.see(self.number, &self.user, &kind, &data);
        let line = json!({ "c": self.number, "type": kind, "data": data });
        self.world.recorder.write("envelope", line);
    }

    /// Writes the end of the connection, once.
    fn end(&self, how: &'static str) {
        let mut state = self.state.lock();
        if state.ended {
            return;
        }
        state.ended = true;
        let line = json!({ "c": self.number, "how": how });
        self.world.recorder.write("close", line);
    }
}

/// The name of a wire in the history.
fn wire_name((eio, transport): (Eio, Transport)) -> &'static str {
    match (eio, transport) {
        (Eio::V4, Transport::Websocket) => "ws4",
        (Eio::V3, Transport::Websocket) => "ws3",
        (Eio::V4, Transport::Polling) => "poll4",
        (Eio::V3, Transport::Polling) => "poll3",
    }
}

/// The code of an outcome; `ok` when it is one.
pub(crate) fn answered(outcome: &Outcome) -> &str {
    match outcome {
        Ok(_) => "ok",
        Err(error) => error["code"].as_str().unwrap_or_default(),
    }
}

/// Whether the outcome says for certain what became of the operation.
pub(crate) fn is_definite(outcome: &Outcome) -> bool {
    !matches!(
        answered(outcome),
        "no-answer" | "unknown-outcome" | "internal"
    )
}
