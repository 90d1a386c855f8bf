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

use crate::service::HandedOver;
use crate::wire::{Json, envelope};

/// The socket itself: unlike a `SocketRef` it can be asked for ack senders.
/// With it comes the payload of CONNECT, as JSON.
pub(super) struct Handle(pub(super) Arc<Socket>, pub(super) Option<Value>);

impl FromConnectParts<LocalAdapter> for Handle {
    type Error = Infallible;

    fn from_connect_parts(socket: &Arc<Socket>, auth: &Option<Value>) -> Result<Self, Infallible> {
        Ok(Self(Arc::clone(socket), auth.clone()))
    }
}

/// One packet, its JSON finished and shared.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    body: Body,
    /// What the socket has been handed once the packet left.
    pub(super) handed: Vec<HandedOver>,
    /// The message that it tells late: of no use after a login that brought it.
    pub(super) late: Option<HandedOver>,
    /// Whether the client acknowledges the packet.
    acked: bool,
    /// What becomes of it when it cannot leave at once.
    pub(super) worth: Worth,
}

/// What becomes of a packet that cannot leave at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It waits.
    Lasting,
    /// It waits, unless much does: it never fills an outbox.
    Passing,
    /// It is dropped: a moment later it says nothing.
    Moment,
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
pub(super) enum Sent {
    /// It is on its way.
    Done,
    /// It is on its way, and this resolves when the client has it.
    Awaited(AckStream<serde_json::Value>),
    /// Not now.
    Full,
}

impl Packet {
    /// The `chatzz` event.
    pub(super) fn event(json: Json) -> Self {
        Self {
            body: Body::Event(json),
            handed: Vec::new(),
            late: None,
            acked: false,
            worth: Worth::Lasting,
        }
    }

    /// The acknowledgement of a client's event.
    pub(super) fn ack(id: i64, reply: Result<Json, Json>) -> Self {
        let (error, result) = match reply {
            Ok(result) => (None, Some(result)),
            Err(error) => (Some(error), None),
        };
        Self {
            body: Body::Ack { id, error, result },
            handed: Vec::new(),
            late: None,
            acked: false,
            worth: Worth::Lasting,
        }
    }

    /// The packet is worth no more than this.
    pub(super) fn worth(self, worth: Worth) -> Self {
        Self { worth, ..self }
    }

    /// Tells a message late.
    pub(super) fn late(self, message: HandedOver) -> Self {
        Self {
            late: Some(message),
            ..self
        }
    }

    /// The packet hands these messages over.
    pub(super) fn handing(self, handed: Vec<HandedOver>) -> Self {
        Self { handed, ..self }
    }

    /// The client acknowledges the packet.
    pub(super) fn acknowledged(self) -> Self {
        Self {
            acked: true,
            ..self
        }
    }

    /// Bytes that waiting costs; the JSON may be shared with other sockets.
    pub(super) fn size(&self) -> usize {
        let length = |json: &Json| json.get().len();
        match &self.body {
            Body::Event(json) => length(json),
            Body::Ack { error, result, .. } => {
                [error, result].into_iter().flatten().map(length).sum()
            }
        }
    }

    /// Offers the packet to a socket.
    pub(super) fn offer(&self, socket: &Arc<Socket>) -> Sent {
        let sent = match &self.body {
            Body::Event(json) if self.acked => {
                return match socket.emit_with_ack(envelope::EVENT, json.as_ref()) {
                    Ok(ack) => Sent::Awaited(ack),
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
            Ok(()) => Sent::Done,
            Err(error) => refused(&error),
        }
    }
}

/// A reference that serialises as what it refers to.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Arg<'a>(&'a RawValue);

fn refused(error: &SendError) -> Sent {
    if let SendError::Serialize(error) = error {
        // finished JSON always serialises; offering it again would not help
        tracing::error!(
            error = error as &dyn std::error::Error,
            "a packet was not sent"
        );
        return Sent::Done;
    }
    Sent::Full
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
