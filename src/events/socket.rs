//! Sockets: how one comes and goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler as _;
use socketioxide::socket::DisconnectReason;

use super::Context;
use super::connection::Connection;
use super::dispatch::Dispatcher;
use super::packet::Handle;
use crate::bugs::{self, Bug};
use crate::service::presence::Departure;
use crate::wire::Code;

/// Why a socket may not join; the text begins with the code, since that is all
/// of a `connect_error` that reaches every client.
#[derive(Debug)]
struct Refused(Code, &'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.as_str(), self.1)
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
    let admit = async move |handle: Handle| admit(&admitted, handle);
    io.ns(namespace.to_owned(), joined.with(admit));
    if namespace != "/" {
        // clients of Engine.IO 3 join the root before any other namespace
        let refuse = async |socket: SocketRef| match socket.protocol() {
            socketioxide::ProtocolVersion::V4 => Ok(()),
            socketioxide::ProtocolVersion::V5 => Err(Refused(
                Code::BadRequest,
                "there is nothing in this namespace",
            )),
        };
        io.ns("/", joined.with(refuse));
    }
}

/// [`Bug::LateHandlers`].
fn register_late(io: &SocketIo, namespace: &str, context: Arc<Context>) {
    let admit_late = async move |Handle(socket): Handle| {
        // of two numbers a socket takes here this is the first: about every fourth
        if context.delivery.next_id().0 % 8 == 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = admit(&context, Handle(socket));
    };
    io.ns(namespace.to_owned(), admit_late);
}

/// Everything was done in the middleware.
async fn joined() {}

fn admit(context: &Arc<Context>, Handle(socket): Handle) -> Result<(), Refused> {
    if context.is_draining() {
        return Err(Refused(Code::Unavailable, "the server is going down"));
    }
    let identity = context.authenticator.identify();
    let connection = Arc::new(Connection::new(
        context.delivery.next_id(),
        identity,
        Arc::clone(&socket),
        context.limits.bounds(),
        context.limits.sessions.clone(),
    ));
    context.delivery.insert(Arc::clone(&connection));
    socket.on_fallback(Dispatcher {
        context: Arc::clone(context),
        connection: Arc::clone(&connection),
    });
    let context = Arc::clone(context);
    socket.on_disconnect(move |reason: DisconnectReason| {
        // here, not in the future: nothing may come between, and nothing can hang
        context.leave(&connection, departure(reason));
        connection.forget_session();
        async {}
    });
    Ok(())
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
