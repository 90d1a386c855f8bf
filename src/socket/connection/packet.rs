//! What leaves through a socket.

use std::convert::Infallible;
use std::sync::Arc;

use serde_json::value::RawValue;
use socketioxide::SendError;
use socketioxide::ack::AckStream;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{FromConnectParts, FromMessageParts as _};
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use crate::id::ChatRoomId;
use crate::service::SentRange;
use crate::wire::{Json, envelope};

/// The socket itself: unlike a `SocketRef` it can be asked for ack senders.
/// With it comes the payload of CONNECT, as JSON.
pub(in crate::socket) struct Handle(
    pub(in crate::socket) Arc<Socket>,
    pub(in crate::socket) Option<Value>,
);

impl FromConnectParts<LocalAdapter> for Handle {
    type Error = Infallible;

    fn from_connect_parts(socket: &Arc<Socket>, auth: &Option<Value>) -> Result<Self, Infallible> {
        Ok(Self(Arc::clone(socket), auth.clone()))
    }
}

/// One packet, its JSON finished and shared.
#[derive(Clone, Debug)]
pub(in crate::socket) struct Packet {
    body: Body,
    /// What the socket has been handed once the packet left.
    pub(in crate::socket) handed: Vec<SentRange>,
    /// The chat room whose message it announces: it may be left out.
    pub(in crate::socket) text_of: Option<ChatRoomId>,
    /// The message that it announces late: of no use after a login that contained it.
    pub(in crate::socket) late: Option<SentRange>,
    /// Whether the client acknowledges the packet.
    acked: bool,
    /// What becomes of it when it cannot leave at once.
    pub(in crate::socket) drop_policy: DropPolicy,
}

/// What becomes of a packet that cannot leave at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::socket) enum DropPolicy {
    /// It waits.
    Never,
    /// It waits, unless much does: it never fills an outbox.
    Crowded,
    /// It is dropped: a moment later it says nothing.
    Full,
}

#[derive(Clone, Debug)]
enum Body {
    /// The `chatzz` event.
    Event(Json),
    /// The acknowledgement of a client's event: `(error, result)`.
    Ack {
        id: i64,
        error: Option<Json>,
        result: Option<Json>,
    },
}

/// What a socket said to a packet.
pub(in crate::socket) enum Offered {
    /// It is on its way.
    Done,
    /// It is on its way, and this resolves when the client has it.
    Awaited(AckStream<serde_json::Value>),
    /// Not now.
    Full,
}

impl Packet {
    /// The `chatzz` event.
    pub(in crate::socket) fn event(json: Json) -> Self {
        Self::new(Body::Event(json))
    }

    /// The acknowledgement of a client's event.
    pub(in crate::socket) fn ack(id: i64, reply: Result<Json, Json>) -> Self {
        let (error, result) = match reply {
            Ok(result) => (None, Some(result)),
            Err(error) => (Some(error), None),
        };
        Self::new(Body::Ack { id, error, result })
    }

    fn new(body: Body) -> Self {
        Self {
            body,
            handed: Vec::new(),
            text_of: None,
            late: None,
            acked: false,
            drop_policy: DropPolicy::Never,
        }
    }

    /// What becomes of the packet when it cannot leave at once.
    pub(in crate::socket) fn drop_policy(self, drop_policy: DropPolicy) -> Self {
        Self {
            drop_policy,
            ..self
        }
    }

    /// The packet announces a message of this chat room.
    pub(in crate::socket) fn text_of(self, room: ChatRoomId) -> Self {
        Self {
            text_of: Some(room),
            ..self
        }
    }

    /// Tells a message late.
    pub(in crate::socket) fn late(self, message: SentRange) -> Self {
        Self {
            late: Some(message),
            ..self
        }
    }

    /// The packet hands these messages over.
    pub(in crate::socket) fn handing(self, handed: Vec<SentRange>) -> Self {
        Self { handed, ..self }
    }

    /// The client acknowledges the packet.
    pub(in crate::socket) fn acknowledged(self) -> Self {
        Self {
            acked: true,
            ..self
        }
    }

    /// Bytes that waiting costs; the JSON may be shared with other sockets.
    pub(in crate::socket) fn size(&self) -> usize {
        let length = |json: &Json| json.get().len();
        match &self.body {
            Body::Event(json) => length(json),
            Body::Ack { error, result, .. } => {
                [error, result].into_iter().flatten().map(length).sum()
            }
        }
    }

    /// Offers the packet to a socket.
    pub(in crate::socket) fn offer(&self, socket: &Arc<Socket>) -> Offered {
        let sent = match &self.body {
            Body::Event(json) if self.acked => {
                return match socket.emit_with_ack(envelope::EVENT, json.as_ref()) {
                    Ok(ack) => Offered::Awaited(ack),
                    Err(error) => refused(&error),
                };
            }
            Body::Event(json) => socket.emit(envelope::EVENT, json.as_ref()),
            Body::Ack { id, error, result } => {
                let parts = (error.as_deref().map(Arg), result.as_deref().map(Arg));
                ack_sender(socket, *id).send(&parts)
            }
        };
        match sent {
            Ok(()) => Offered::Done,
            Err(error) => refused(&error),
        }
    }
}

/// A reference that serialises as what it refers to.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Arg<'a>(&'a RawValue);

fn refused(error: &SendError) -> Offered {
    if let SendError::Serialize(error) = error {
        // finished JSON always serialises; offering it again would not help
        tracing::error!(
            error = error as &dyn std::error::Error,
            "a packet was not sent"
        );
        return Offered::Done;
    }
    Offered::Full
}

/// An acknowledgement can be offered more than once only by making its sender
/// anew, since sending consumes it.
fn ack_sender(socket: &Arc<Socket>, id: i64) -> AckSender {
    let mut unused = Value::Bytes(bytes::Bytes::new());
    match AckSender::from_message_parts(socket, &mut unused, &Some(id)) {
        Ok(sender) => sender,
        Err(never) => match never {},
    }
}
