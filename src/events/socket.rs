//! Sockets: how one comes and goes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler as _;
use socketioxide::socket::DisconnectReason;
use socketioxide_core::Value;

use super::Context;
use super::connection::Connection;
use super::dispatch::Dispatcher;
use super::packet::Handle;
use crate::auth::Credentials;
use crate::bugs::{self, Bug};
use crate::service::presence::Departure;
use crate::transport::Peer;
use crate::wire::{Code, ErrorBody};

/// Why a socket may not join; the text begins with the code, since that is all
/// of a `connect_error` that reaches every client.
#[derive(Debug)]
struct Refused(ErrorBody);

impl Refused {
    fn new(code: Code, message: &str) -> Self {
        let message = message.to_owned();
        Self(ErrorBody { code, message })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

/// Registers the namespace, and the root that old clients have to pass.
pub(crate) fn register(io: &SocketIo, namespace: &str, context: &Arc<Context>) {
    let admitted = Arc::clone(context);
    if bugs::active(Bug::LateHandlers) {
        return register_late(io, namespace, admitted);
    }
    // handlers are registered in a middleware: those registered once the socket
    // is connected miss the events that follow the handshake at once
    let admit = move |handle: Handle| admit(Arc::clone(&admitted), handle);
    io.ns(namespace.to_owned(), joined.with(admit));
    if namespace != "/" {
        // clients of Engine.IO 3 join the root before any other namespace
        let refuse = async |socket: SocketRef| match socket.protocol() {
            socketioxide::ProtocolVersion::V4 => Ok(()),
            socketioxide::ProtocolVersion::V5 => Err(Refused::new(
                Code::BadRequest,
                "there is nothing in this namespace",
            )),
        };
        io.ns("/", joined.with(refuse));
    }
}

/// [`Bug::LateHandlers`].
fn register_late(io: &SocketIo, namespace: &str, context: Arc<Context>) {
    let admit_late = async move |handle: Handle| {
        // of two numbers a socket takes here this is the first: about every fourth
        if context.delivery.next_id().0 % 8 == 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = admit(Arc::clone(&context), handle).await;
    };
    io.ns(namespace.to_owned(), admit_late);
}

/// Everything was done in the middleware.
async fn joined() {}

async fn admit(context: Arc<Context>, Handle(socket, auth): Handle) -> Result<(), Refused> {
    let going_down = || Refused::new(Code::Unavailable, "the server is going down");
    if context.is_draining() {
        return Err(going_down());
    }
    let auth = match &auth {
        Some(Value::Str(json, _)) => Some(json.as_str()),
        Some(Value::Bytes(_)) | None => None,
    };
    let request = socket.req_parts();
    let credentials = Credentials::of_handshake(request, auth, address(request));
    let identity = context.authenticator.identify(&credentials).await;
    let identity = identity.map_err(|error| Refused(ErrorBody::from(&error)))?;
    if context.is_draining() {
        return Err(going_down());
    }
    let connection = Arc::new(Connection::new(
        context.delivery.next_id(),
        identity,
        Arc::clone(&socket),
        context.limits.bounds(),
        context.limits.sessions.clone(),
    ));
    context.delivery.insert(Arc::clone(&connection));
    socket.on_fallback(Dispatcher {
        context: Arc::clone(&context),
        connection: Arc::clone(&connection),
    });
    socket.on_disconnect(move |reason: DisconnectReason| {
        // here, not in the future: nothing may come between, and nothing can hang
        context.leave(&connection, departure(reason));
        connection.forget_session();
        async {}
    });
    Ok(())
}

/// Where a handshake came from.
pub(super) fn address(request: &Parts) -> Option<IpAddr> {
    let peer = request.extensions.get::<Peer>()?;
    Some(peer.0.ip())
}

fn departure(reason: DisconnectReason) -> Departure {
    match reason {
        DisconnectReason::ClientNSDisconnect => Departure::Clean,
        DisconnectReason::TransportClose
        | DisconnectReason::MultipleHttpPollingError
        | DisconnectReason::PacketParsingError
        | DisconnectReason::TransportError
        | DisconnectReason::HeartbeatTimeout
        | DisconnectReason::ServerNSDisconnect
        | DisconnectReason::ClosingServer => Departure::Lost,
    }
}
