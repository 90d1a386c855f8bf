//! The socket.io endpoint and the bounds of one socket.

use std::time::Duration;

use super::parse::{self, ByteSize, Parsed, Refusal, shown};
use super::reader::Reader;

/// The socket.io endpoint and the bounds of one socket.
#[derive(Debug, Clone)]
pub struct SocketConfig {
    /// The path of the socket.io endpoint, without a slash at its end.
    ///
    /// `CHATZZ_SOCKET_PATH`, default `/socket.io`, path. Change it together with the
    /// `path` option of the clients, for example behind a shared proxy.
    pub path: String,
    /// The socket.io namespace that clients join.
    ///
    /// `CHATZZ_NAMESPACE`, default `/`, path. Change it when the clients
    /// already use a namespace of their own.
    pub namespace: String,
    /// How often the server pings a quiet client.
    ///
    /// `CHATZZ_PING_INTERVAL`, default `25s`, duration. Lower it when a proxy closes
    /// idle connections earlier.
    pub ping_interval: Duration,
    /// How long a pong may take before the socket counts as dead.
    ///
    /// `CHATZZ_PING_TIMEOUT`, default `20s`, duration. Lower it to notice lost
    /// clients earlier, raise it for bad mobile networks.
    pub ping_timeout: Duration,
    /// How long a fresh connection may take to join the namespace.
    ///
    /// `CHATZZ_CONNECT_TIMEOUT`, default `10s`, duration. Raise it when slow clients
    /// are cut off while they connect.
    pub connect_timeout: Duration,
    /// The type of the envelope that tells a contact's presence.
    ///
    /// `CHATZZ_STATUS_EVENT`, default `chat-user-status-changed`, choice. Change it to
    /// `user-status-changed` for front ends written against that name.
    pub status_event: StatusEvent,
    /// The most events of one socket that wait for their turn.
    ///
    /// `CHATZZ_QUEUE_PER_SOCKET`, default `4096`, count. Lower it when clients misbehave;
    /// an event beyond it is answered `overloaded`.
    pub queue: usize,
    /// The most bytes of what others do that wait for a client that reads too slowly.
    ///
    /// `CHATZZ_OUTBOX_BYTES`, default `256KiB`, size. Raise it for bursts to slow
    /// clients; beyond it the connection is closed and its messages stay missed.
    pub outbox_bytes: ByteSize,
    /// How long a client may read nothing before its connection is closed.
    ///
    /// `CHATZZ_STALL_TIMEOUT`, default `7s`, duration. Raise it for networks that
    /// stand still for longer.
    pub stall_timeout: Duration,
}

/// The two names under which a contact's presence is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusEvent {
    /// `chat-user-status-changed`.
    ChatUserStatusChanged,
    /// `user-status-changed`.
    UserStatusChanged,
}

impl StatusEvent {
    /// The name as it stands in the envelope's `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatUserStatusChanged => "chat-user-status-changed",
            Self::UserStatusChanged => "user-status-changed",
        }
    }
}

impl SocketConfig {
    pub(super) fn read(keys: &mut Reader<'_>) -> Option<Self> {
        let duration = |text: &str| {
            parse::duration(text, Duration::from_millis(100)..=Duration::from_mins(10))
        };
        let path = keys.read("CHATZZ_SOCKET_PATH", socket_path);
        let namespace = keys.read("CHATZZ_NAMESPACE", namespace);
        let ping_interval = keys.read("CHATZZ_PING_INTERVAL", duration);
        let ping_timeout = keys.read("CHATZZ_PING_TIMEOUT", duration);
        let connect_timeout = keys.read("CHATZZ_CONNECT_TIMEOUT", duration);
        let status_event = keys.read("CHATZZ_STATUS_EVENT", status_event);
        let queue = keys.read("CHATZZ_QUEUE_PER_SOCKET", |text| {
            parse::number(text, 1..=1_000_000)
        });
        let outbox_bytes = keys.read("CHATZZ_OUTBOX_BYTES", |text| {
            parse::byte_size(text, ByteSize::kib(4)..=ByteSize::kib(65_536))
        });
        let stall_timeout = keys.read("CHATZZ_STALL_TIMEOUT", duration);
        Some(Self {
            path: path?,
            namespace: namespace?,
            ping_interval: ping_interval?,
            ping_timeout: ping_timeout?,
            connect_timeout: connect_timeout?,
            status_event: status_event?,
            queue: queue?,
            outbox_bytes: outbox_bytes?,
            stall_timeout: stall_timeout?,
        })
    }
}

fn status_event(text: &str) -> Parsed<StatusEvent> {
    let known = [
        StatusEvent::ChatUserStatusChanged,
        StatusEvent::UserStatusChanged,
    ];
    parse::choice(text, &known.map(|event| (event.as_str(), event)))
}

/// A path below the root: the endpoint must leave room for other pages.
fn socket_path(text: &str) -> Parsed<String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    if parts.is_some_and(|mut parts| parts.all(is_plain)) {
        Ok(path.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} does not do; write a path that begins with `/`, such as `/socket.io`, \
             of letters, digits and `-._~`",
            shown(text)
        )))
    }
}

fn namespace(text: &str) -> Parsed<String> {
    let mut parts = text.strip_prefix('/').map(|rest| rest.split('/'));
    if text == "/" || parts.as_mut().is_some_and(|parts| parts.all(is_plain)) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} does not do; write a name that begins with `/`, such as `/` or `/chat`, \
             of letters, digits and `-._~`",
            shown(text)
        )))
    }
}

fn is_plain(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    !part.is_empty() && part.chars().all(plain)
}
