//! The accept loop: bounded, with a time limit on request heads.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::StatusCode;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::body::is_engine_io_3;
use super::guarded::Guarded;
use super::old_names::{OldNames, Renamed};
use super::pace::Pace;
use crate::limits::{Limits, Slot};
use crate::transport::{Peer, Transport};

/// How connections are accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepting {
    /// Most connections at a time; further ones are closed at once.
    pub(crate) most: usize,
    /// The longest a request's head may take.
    pub(crate) header: Duration,
    /// The longest a connection may wait for another request.
    pub(crate) keep_alive: Duration,
    /// The longest a write may wait for the peer.
    pub(crate) stall: Duration,
    /// The namespace, unless it is the root: old clients write their query behind it.
    pub(crate) namespace: Option<Arc<str>>,
    /// The TLS configuration, if TLS is used.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// The limits for the connections of one address; they do not apply to proxies, which
    /// speak for many clients.
    pub(crate) limits: Option<(Arc<Limits>, Vec<IpNet>)>,
}

impl Accepting {
    /// The slot of a connection among those of its address.
    ///
    /// # Errors
    /// When it has too many.
    fn slot_of(&self, peer: IpAddr) -> Result<Option<Slot>, ()> {
        let peer = peer.to_canonical();
        match &self.limits {
            Some((limits, proxies)) if !proxies.iter().any(|net| net.contains(&peer)) => {
                limits.address(peer).connect().map(Some).ok_or(())
            }
            _ => Ok(None),
        }
    }
}

/// Pause after a failed accept, as when no file descriptor is free.
const PAUSE: Duration = Duration::from_millis(50);
/// How often failed accepts are logged.
const LOG_AGAIN: Duration = Duration::from_mins(1);
/// Most bytes of a request's head: a token, cookies, and what proxies add.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Bytes that the kernel buffers beyond what the peer has room for. Without the limit
/// these are megabytes: a peer that does not read is detected late, and costs that
/// memory.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT: u32 = 64 * 1024;

/// Serves connections until cancelled; then accepts no more, and closes the remaining
/// ones when `cut` is cancelled.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    accepting: Accepting,
    tasks: TaskTracker,
    cancelled: CancellationToken,
    cut: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(accepting.most));
    let mut failures = Failures::default();
    loop {
        let stream = tokio::select! {
            () = cancelled.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match stream {
            Ok((stream, peer)) => (stream, Peer(peer)),
            Err(error) => {
                failures.log(&error);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let slot = Arc::clone(&places).try_acquire_owned();
        let (Ok(slot), Ok(of_address)) = (slot, accepting.slot_of(peer.0.ip())) else {
            metrics::counter!("chatzz_connections_refused_total").increment(1);
            continue;
        };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a socket option is not set"
            );
        }
        let connection = connection(
            stream,
            peer,
            router.clone(),
            accepting.clone(),
            (slot, of_address),
        );
        let cut = cut.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = cut.cancelled() => {}
                () = connection => {}
            }
        });
    }
}

/// Failed accepts, which come many a second when they come.
#[derive(Default)]
struct Failures {
    logged: Option<Instant>,
    since: u64,
}

impl Failures {
    /// Logs the first one, and then at most one a minute, with how many there were.
    fn log(&mut self, error: &std::io::Error) {
        self.since += 1;
        if self.logged.is_some_and(|at| at.elapsed() < LOG_AGAIN) {
            return;
        }
        tracing::warn!(
            error = error as &dyn std::error::Error,
            failures = self.since,
            "connections cannot be accepted; if too many files are open, raise the limit"
        );
        self.logged = Some(Instant::now());
        self.since = 0;
    }
}

/// Sets the options of a connection.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    // a message is one small write, and must be sent at once
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT)?;
    Ok(())
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    accepting: Accepting,
    slot: (OwnedSemaphorePermit, Option<Slot>),
) {
    let transport = Transport::default();
    let pace = Pace::new(accepting.header, accepting.keep_alive);
    let guarded = Guarded::new(
        stream,
        transport.clone(),
        accepting.stall,
        pace.clone(),
        slot,
    );
    let Some(tls) = accepting.tls else {
        return speak(guarded, peer, transport, router, pace, accepting.namespace).await;
    };
    // a handshake is given as much time as the head of a request
    let handshake = timeout(accepting.header, TlsAcceptor::from(tls).accept(guarded));
    match handshake.await {
        Ok(Ok(stream)) => {
            speak(stream, peer, transport, router, pace, accepting.namespace).await;
        }
        Ok(Err(error)) => {
            metrics::counter!("chatzz_tls_refused_total").increment(1);
            tracing::trace!(error = &error as &dyn std::error::Error, "no TLS");
        }
        Err(_) => metrics::counter!("chatzz_tls_refused_total").increment(1),
    }
}

/// Serves the requests of one connection.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    transport: Transport,
    router: Router,
    pace: Pace,
    namespace: Option<Arc<str>>,
) {
    let renamed = Renamed::default();
    let stream = OldNames::new(stream, Arc::clone(&renamed));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let is_old = is_engine_io_3(request.uri());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(transport.clone());
        request.extensions_mut().insert(peer);
        let answer = router.clone().oneshot(request);
        let pace = pace.clone();
        let of_old_client = namespace.clone().filter(|_| is_old);
        let renamed = Arc::clone(&renamed);
        pace.begin();
        async move {
            let response = answer.await?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                pace.finish();
            } else if let Some(namespace) = of_old_client {
                let _ = renamed.set(namespace);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        // by the pace of the connection
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::trace!(error = &error as &dyn std::error::Error, "connection ended");
    }
}
