//! A throw-away Socket.IO server that does what a test asks it to.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::socket::DisconnectReason;
use socketioxide::{AckError, SocketIo};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::support::frame::{ConnectOptions, PATIENCE};

/// The server's, short for the sake of the tests.
pub(crate) const PING_INTERVAL: Duration = Duration::from_millis(300);
/// The server's, short for the sake of the tests.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_millis(700);
/// The largest websocket message and POST body.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// A running server; it ends when dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    reasons: mpsc::UnboundedReceiver<String>,
    _serving: AbortOnDropHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let (reason, reasons) = mpsc::unbounded_channel();
        let (layer, io) = SocketIo::builder()
            .ping_interval(PING_INTERVAL)
            .ping_timeout(PING_TIMEOUT)
            .max_payload(MAX_BYTES as u64)
            .ws_max_message_size(MAX_BYTES)
            // A thousand answers fit, as nothing may be dropped here.
            .max_buffer_size(4_096)
            .build_layer();
        for namespace in ["/", "/side"] {
            let reason = reason.clone();
            let register = move |socket: SocketRef, TryData(auth): TryData<Value>| {
                let reason = reason.clone();
                async move {
                    admit(&socket, &auth.unwrap_or_default())?;
                    socket.on_fallback(dispatch);
                    socket.on_disconnect(async move |why: DisconnectReason| {
                        reason.send(format!("{why:?}")).ok();
                    });
                    Ok::<_, &'static str>(())
                }
            };
            io.ns(namespace, (async || {}).with(register));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = axum::Router::new().layer(layer);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            addr,
            reasons,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        ConnectOptions::new(self.addr)
    }

    /// The reason of the next disconnection of the namespace.
    pub(crate) async fn disconnected(&mut self) -> String {
        let reason = timeout(PATIENCE, self.reasons.recv()).await;
        reason.expect("somebody disconnects").unwrap()
    }
}

fn admit(socket: &SocketRef, auth: &Value) -> Result<(), &'static str> {
    let request = socket.req_parts();
    let query = request.uri.query().unwrap_or_default();
    let wrong = auth["token"] == "wr&ng"
        || query.contains("&token=wr%26ng")
        || request
            .headers
            .get("authorization")
            .is_some_and(|value| value == "Bearer wrong");
    if wrong {
        return Err("unauthorized: wrong token");
    }
    Ok(())
}

/// Does an event's work before it returns, so that the order is kept.
fn dispatch(
    socket: SocketRef,
    Event(event): Event,
    TryData(payload): TryData<Value>,
    ack: AckSender,
) -> impl Future<Output = ()> + Send + 'static {
    let payload = payload.unwrap_or_default();
    let mut asked = None;
    match event.as_str() {
        "echo" => answer(ack, &payload),
        "echo-and-say" => {
            say(&socket, &json!({ "type": "said", "data": payload }));
            answer(ack, &payload);
        }
        "say" => say(&socket, &payload),
        "ask-for-ack" => asked = Some(socket.emit_with_ack::<_, Value>("chatzz", &payload)),
        "leave" => socket.clone().disconnect().unwrap(),
        _ => answer(ack, &json!({ "event": event, "payload": payload })),
    }
    async move {
        if let Some(asked) = asked {
            let answer = match asked.unwrap().await {
                // An ack without arguments, which it cannot turn into a value.
                Err(AckError::Decode(_)) => Value::Null,
                answer => answer.unwrap(),
            };
            say(&socket, &json!({ "type": "acked", "data": answer }));
        }
    }
}

fn say(socket: &SocketRef, envelope: &Value) {
    socket.emit("chatzz", envelope).unwrap();
}

fn answer(ack: AckSender, result: &Value) {
    ack.send(&(Value::Null, result)).unwrap();
}
