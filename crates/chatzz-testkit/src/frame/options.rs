//! How to connect, and how connecting fails.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use super::session::CloseCause;
use super::tap::Tap;

/// A revision of the Engine.IO protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eio {
    /// The revision of `socket.io-client` 1 and 2: the client sends the pings.
    V3,
    /// The revision of `socket.io-client` 3 and 4: the server sends the pings.
    V4,
}

/// What carries the packets. There is no upgrade from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One websocket, a text frame per packet.
    Websocket,
    /// A GET that waits for packets and a POST per batch of packets.
    Polling,
}

/// Every combination of revision and transport, for tests that run over all.
pub const WIRES: [(Eio, Transport); 4] = [
    (Eio::V4, Transport::Websocket),
    (Eio::V4, Transport::Polling),
    (Eio::V3, Transport::Websocket),
    (Eio::V3, Transport::Polling),
];

/// How to connect; start from [`ConnectOptions::new`].
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// The address of this machine from which to connect. Default: as the system likes.
    pub from: Option<Ipv4Addr>,
    /// Revision of the protocol. Default: 4.
    pub eio: Eio,
    /// Default: websocket.
    pub transport: Transport,
    /// HTTP path without its final slash. Default: `/socket.io`.
    pub path: String,
    /// Default: `/`.
    pub namespace: String,
    /// What clients of Engine.IO 3 write behind the name of the namespace in CONNECT.
    /// Default: nothing.
    pub namespace_query: String,
    /// Payload of the CONNECT packet, which Engine.IO 3 does not have.
    pub auth: Option<Value>,
    /// Added to the query of every request, percent-encoded here.
    pub query: Vec<(String, String)>,
    /// Added to every request.
    pub headers: Vec<(String, String)>,
    /// Answer each event that carries an ack id with `[]`. Default: true;
    /// otherwise the test calls [`ack`](super::Client::ack) itself.
    pub auto_ack: bool,
    /// Keep up the heartbeat of the protocol. Default: true.
    pub heartbeat: bool,
    /// Receives everything first; then neither events nor bytes are kept.
    pub tap: Option<Tap>,
    /// Time limit of connecting as a whole. Default: 10 s.
    pub timeout: Duration,
}

impl ConnectOptions {
    /// A websocket of Engine.IO 4 to the namespace `/`, with nothing added.
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            from: None,
            eio: Eio::V4,
            transport: Transport::Websocket,
            path: "/socket.io".to_owned(),
            namespace: "/".to_owned(),
            namespace_query: String::new(),
            auth: None,
            query: Vec::new(),
            headers: Vec::new(),
            auto_ack: true,
            heartbeat: true,
            tap: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// The same over one of the [`WIRES`].
    #[must_use]
    pub fn over(self, (eio, transport): (Eio, Transport)) -> Self {
        Self {
            eio,
            transport,
            ..self
        }
    }

    /// The tokens that are sent to the server.
    pub(super) fn tokens(&self) -> Vec<String> {
        let in_auth = self.auth.as_ref().and_then(|auth| auth["token"].as_str());
        let shows = |name: &str| {
            ["token", "authorization"]
                .iter()
                .any(|shown| name.eq_ignore_ascii_case(shown))
        };
        let elsewhere = self.query.iter().chain(&self.headers);
        let elsewhere = elsewhere.filter(|(name, _)| shows(name));
        let tokens = elsewhere.map(|(_, value)| value.as_str()).chain(in_auth);
        tokens.map(ToOwned::to_owned).collect()
    }

    /// Path and query of a request; `sid` once the server has given one.
    pub(super) fn target(&self, sid: Option<&str>) -> String {
        let eio = match self.eio {
            Eio::V3 => 3,
            Eio::V4 => 4,
        };
        let transport = match self.transport {
            Transport::Websocket => "websocket",
            Transport::Polling => "polling",
        };
        let mut target = format!("{}/?EIO={eio}&transport={transport}", self.path);
        let sid = sid.map(|sid| ("sid", sid));
        let query = self.query.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        for (key, value) in sid.into_iter().chain(query) {
            target.push('&');
            percent_encode(&mut target, key);
            target.push('=');
            percent_encode(&mut target, value);
        }
        target
    }
}

fn percent_encode(into: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            write!(into, "%{byte:02X}").expect("a String takes everything");
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server answered the CONNECT packet with `connect_error`.
    #[error("refused: {message}")]
    Refused {
        /// The message of the server.
        message: String,
    },
    /// The server answered the handshake with an unexpected status.
    #[error("the handshake was answered with status {status}: {body}")]
    Http {
        /// Status of the response.
        status: u16,
        /// Body of the response.
        body: String,
    },
    /// The connection could not be made, or broke.
    #[error("the connection failed: {0}")]
    Io(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server ended the session before the namespace was connected.
    #[error("the server ended the session while connecting: {0}")]
    Closed(CloseCause),
    /// Connecting took longer than [`ConnectOptions::timeout`].
    #[error("connecting took longer than {0:?}")]
    Timeout(Duration),
}

impl ConnectError {
    pub(super) fn io(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Io(cause.into())
    }
}
