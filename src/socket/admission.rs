//! Sockets: how one comes and goes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::request::Parts;
use socketioxide::handler::ConnectHandler as _;
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide::{ProtocolVersion, SocketIo};
use socketioxide_core::Value;

use super::Context;
use super::connection::Connection;
use super::connection::manner::Manner;
use super::connection::packet::Handle;
use super::connection::session::Session;
use super::dispatch::Dispatcher;
use crate::auth::{Credentials, Identity};
use crate::id::UserId;
use crate::limits::Kind;
use crate::service::Error;
use crate::service::presence::Departure;
use crate::transport::{ClientAddress, Joined, Sessions};
use crate::wire::{Code, ErrorBody};

/// How many times as long as a session to join, a socket may take to log in.
pub(super) const LOGIN_FACTOR: u32 = 3;

/// Why a socket may not join; the text begins with the code and ends with what the
/// application adds, on a line of its own: it is all of a `connect_error` that the library
/// sends.
#[derive(Debug)]
struct Refused(ErrorBody);

impl Refused {
    fn new(code: Code, message: &str) -> Self {
        Self(ErrorBody {
            code,
            message: message.to_owned(),
            retry_after_ms: None,
            reason: None,
            meta: None,
        })
    }

    /// For a socket that is one too many.
    fn too_many() -> Self {
        Self::new(Code::Overloaded, "there are too many connections")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)?;
        // neither the code nor the message holds a line feed
        let meta = self.0.meta.as_ref().map(serde_json::to_string);
        meta.and_then(Result::ok)
            .map_or(Ok(()), |meta| write!(f, "\n{meta}"))
    }
}

/// Longest name of a namespace that is mentioned in a refusal. It comes from the client, and
/// nothing bounds how many refusals wait for a client that does not read.
const MAX_NAME_BYTES: usize = 256;

/// Registers the namespace, the root that old clients have to pass, and one for every other
/// name, in which nobody may stay.
pub(crate) fn register(io: &SocketIo, namespace: &str, context: &Arc<Context>) {
    let admitted = Arc::clone(context);
    // handlers are registered in a middleware: those registered once the socket
    // is connected miss the events that follow the handshake at once
    let admit = move |handle: Handle| admit_or_end(Arc::clone(&admitted), handle);
    io.ns(namespace.to_owned(), joined.with(admit));
    if namespace != "/" {
        // clients of Engine.IO 3 join the root before any other namespace
        let waiting = Arc::clone(context);
        let pass = move |handle: Handle| std::future::ready(pass(&waiting, handle));
        io.ns("/", joined.with(pass));
    }
    let sessions = context.bounds.sessions.clone();
    let refuse =
        move |io: SocketIo, handle: Handle| std::future::ready(refuse(&io, &sessions, &handle.0));
    if let Err(error) = io.dyn_ns("/{*name}", joined.with(refuse)) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "unknown namespaces are answered by the library");
    }
}

/// Refuses to let a socket join a namespace that there is not, and ends its session: left
/// to itself, the library repeats each name to the client, however long it is.
fn refuse(io: &SocketIo, sessions: &Sessions, socket: &Arc<Socket>) -> Result<(), Refused> {
    // the library has made a namespace of that name, for good
    io.delete_ns(socket.ns());
    let session = Session::of(socket, sessions.clone());
    if socket.ns().len() > MAX_NAME_BYTES {
        session.abort();
    } else {
        session.cut_soon();
    }
    Err(nothing_there())
}

fn nothing_there() -> Refused {
    Refused::new(Code::BadRequest, "there is nothing in this namespace")
}

/// Everything was done in the middleware.
async fn joined() {}

/// Lets clients of Engine.IO 3 wait in the root, and nobody else.
fn pass(context: &Context, Handle(socket, _): Handle) -> Result<(), Refused> {
    if socket.protocol() == ProtocolVersion::V5 {
        return Err(nothing_there());
    }
    // for Engine.IO 4 the library keeps the time of a join
    let joined = socket.req_parts().extensions.get::<Joined>().cloned();
    let joined = joined.unwrap_or_default();
    Session::of(&socket, context.bounds.sessions.clone())
        .cut_after(context.bounds.connect, move || !joined.is_in());
    Ok(())
}

/// Admits a socket, or sees to it that its connection ends: clients of Engine.IO 3
/// may keep theirs for ever, as nothing waits for them to join.
async fn admit_or_end(context: Arc<Context>, handle: Handle) -> Result<(), Refused> {
    let socket = Arc::clone(&handle.0);
    let sessions = context.bounds.sessions.clone();
    let admitted = admit(context, handle).await;
    if admitted.is_err() && socket.protocol() == ProtocolVersion::V4 {
        Session::of(&socket, sessions).cut_soon();
    }
    admitted
}

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
    let query = request.uri.query().unwrap_or_default();
    let manner = Manner::of_query(query, context.bounds.dialect);
    let manner = manner.map_err(|why| Refused::new(Code::BadRequest, &why))?;
    let address = address(request);
    let shared = context.limits.address(address);
    let joined = request.extensions.get::<Joined>().cloned();
    let joined = joined.unwrap_or_default();
    if !joined.join() {
        // the first join was counted when the session began
        let taken = shared.take(Kind::Connect).map_err(Error::RateLimited);
        taken.map_err(|error| Refused(ErrorBody::from(&error)))?;
    }
    let allowance = context.limits.admit(shared).ok_or_else(Refused::too_many)?;
    let credentials = Credentials::of_handshake(request, auth, Some(address));
    let ends = context.authenticator.ends();
    let identity = context.authenticator.identify(&credentials).await;
    let identity = identity.map_err(|error| Refused(ErrorBody::from(&error)))?;
    if context.is_draining() {
        return Err(going_down());
    }
    if let Some(user) = context.user_named_by(&identity) {
        // from now on, not from the login: a socket that never logs in costs as much
        let slot = context.limits.user(&user).enter();
        allowance.reserve(user, slot.ok_or_else(Refused::too_many)?);
    }
    let connection = Arc::new(Connection::new(
        context.hub.next_id(),
        identity,
        Arc::clone(&socket),
        context.bounds.outbox(),
        Session::of(&socket, context.bounds.sessions.clone()),
        allowance,
        manner,
    ));
    context.hub.insert(Arc::clone(&connection));
    connection.cut_unless_logged_in(context.bounds.connect * LOGIN_FACTOR);
    if context.authenticator.ends() != ends {
        // it was in no list when logins were ended: whoever it is asks again
        connection.abort();
    }
    socket.on_fallback(Dispatcher {
        context: Arc::clone(&context),
        connection: Arc::clone(&connection),
    });
    let session = Session::of(&socket, context.bounds.sessions.clone());
    session.join();
    socket.on_disconnect(move |reason: DisconnectReason| {
        // here, not in the future: nothing may come between, and nothing can hang
        context.leave(&connection, departure(reason));
        connection.session.forget();
        joined.leave();
        if matches!(reason, DisconnectReason::ClientNSDisconnect) {
            // the library keeps the time of the first join only
            let joined = joined.clone();
            session.cut_after(context.bounds.connect, move || !joined.is_in());
        }
        async {}
    });
    Ok(())
}

impl Context {
    /// The user whom a token names. Of a name that could be of several types it is the first:
    /// the login corrects it.
    fn user_named_by(&self, identity: &Identity) -> Option<UserId> {
        let verified = identity.verified()?;
        let people = self.messenger.directory();
        people.candidates(&verified.user).first().cloned()
    }
}

/// Where a handshake came from.
pub(super) fn address(request: &Parts) -> IpAddr {
    let address = request.extensions.get::<ClientAddress>();
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0)
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
