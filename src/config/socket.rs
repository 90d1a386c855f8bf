//! The socket.io endpoint and the bounds of one socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::parse::{ByteSize, Parsed, Refusal, choice, file, shown, within};

section! {
    /// The socket.io endpoint and the bounds of one socket.
    pub struct SocketConfig in "Sockets" {
        /// The path of the socket.io endpoint.
        /// Change it, for example behind a shared proxy, together with the `path` of the clients.
        path: String = key("CHATZZ_SOCKET_PATH", "path", default("/socket.io"), socket_path),
        /// The folder `dist` of the npm package `socket.io-client`, to be served below the endpoint.
        /// Write it for pages that load `/socket.io/socket.io.js` from this server, as from a socket.io server.
        serve_client: Option<PathBuf> =
            key("CHATZZ_SERVE_CLIENT", "path",
                unset("not served", None, "/srv/node_modules/socket.io-client/dist"), file),
        /// The socket.io namespace that clients join.
        /// Change it when the clients already use a namespace of their own.
        namespace: String = key("CHATZZ_NAMESPACE", "path", default("/"), namespace),
        /// How often a quiet client is pinged.
        /// Lower it when a proxy closes idle connections earlier.
        ping_interval: Duration =
            key("CHATZZ_PING_INTERVAL", "duration", default("25s"), within("100ms", "10m")),
        /// How long a pong may take before the socket counts as dead.
        /// Lower it to notice lost clients earlier, raise it for bad mobile networks.
        ping_timeout: Duration =
            key("CHATZZ_PING_TIMEOUT", "duration", default("20s"), within("100ms", "10m")),
        /// How long a new connection may take to join the namespace; for its login it has three times as long.
        /// Raise it when slow clients are disconnected while they connect.
        connect_timeout: Duration =
            key("CHATZZ_CONNECT_TIMEOUT", "duration", default("10s"), within("100ms", "10m")),
        /// The dialect of sockets whose query has no `dialect=1` or `dialect=3`.
        /// Write `1` for front ends that were written for the npm package chatzz 1.x.
        dialect: BaseDialect =
            key("CHATZZ_DIALECT", "`1` or `3`", default("3"), choice(&BaseDialect::NAMES)),
        /// The type of the envelope that announces the presence of a contact.
        /// Change it for front ends that were written against the other name.
        status_event: StatusEvent =
            key("CHATZZ_STATUS_EVENT", "`chat-user-status-changed` or `user-status-changed`",
                default("chat-user-status-changed"), choice(&StatusEvent::NAMES)),
        /// The most events of one socket that wait to be handled.
        /// Further ones are answered `overloaded`. Lower it when clients misbehave.
        queue: usize =
            key("CHATZZ_QUEUE_PER_SOCKET", "count", default("4096"), within("1", "1000000")),
        /// The most bytes that wait for a client that takes nothing; four times as many for one that does.
        /// Beyond it messages are left out, which the client fetches later. Raise it for bursts.
        outbox_bytes: ByteSize =
            key("CHATZZ_OUTBOX_BYTES", "size", default("256KiB"), within("4KiB", "64MiB")),
        /// How long a client may read nothing before its connection is closed.
        /// Raise it for networks that can stall for longer.
        stall_timeout: Duration =
            key("CHATZZ_STALL_TIMEOUT", "duration", default("7s"), within("100ms", "10m")),
    }
}

impl SocketConfig {
    /// The namespace, unless it is the root.
    pub(crate) fn named_namespace(&self) -> Option<Arc<str>> {
        let namespace = self.namespace.as_str();
        (namespace != "/").then(|| namespace.into())
    }
}

/// The form of what a socket is sent: that of chatzz 1.x, or that of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseDialect {
    /// `1`: what the npm package chatzz 1.1.5 sent.
    V1,
    /// `3`: `docs/protocol.md`.
    V3,
}

impl BaseDialect {
    const NAMES: [(&str, Self); 2] = [("1", Self::V1), ("3", Self::V3)];

    /// The dialect of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        names.find_map(|(known, dialect)| (*known == name).then_some(*dialect))
    }
}

/// The two names under which the presence of a contact is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusEvent {
    /// `chat-user-status-changed`.
    ChatUserStatusChanged,
    /// `user-status-changed`.
    UserStatusChanged,
}

impl StatusEvent {
    const NAMES: [(&str, Self); 2] = [
        (
            Self::ChatUserStatusChanged.as_str(),
            Self::ChatUserStatusChanged,
        ),
        (Self::UserStatusChanged.as_str(), Self::UserStatusChanged),
    ];

    /// The name as it appears in the envelope's `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatUserStatusChanged => "chat-user-status-changed",
            Self::UserStatusChanged => "user-status-changed",
        }
    }
}

/// A path below the root: the endpoint must leave room for other pages.
fn socket_path(text: &str) -> Parsed<String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    if parts.is_some_and(|mut parts| parts.all(is_plain)) {
        Ok(path.to_owned())
    } else {
        Err(Refusal::new(format!(
            "{} cannot be used; write a path that begins with `/`, such as `/socket.io`, \
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
            "{} cannot be used; write a name that begins with `/`, such as `/` or `/chat`, \
             of letters, digits and `-._~`",
            shown(text)
        )))
    }
}

fn is_plain(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    !part.is_empty() && part.chars().all(plain)
}
