//! One HTTP/1.1 connection that sends one request at a time.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::options::{ConnectError, ConnectOptions};
use super::outbox::freezable;

/// A response, read to its end.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: String,
    /// The cookies that it sets, as a later request names them; none without any.
    pub(super) cookies: Option<String>,
    /// Headers and body, for the record of received bytes.
    pub(super) bytes: Vec<u8>,
}

/// A connection to the server, made anew when the server closed it.
pub(super) struct Lane {
    options: ConnectOptions,
    silent: CancellationToken,
    open: Option<(SendRequest<Full<Bytes>>, AbortOnDropHandle<()>)>,
}

impl Lane {
    pub(super) fn new(options: &ConnectOptions, silent: CancellationToken) -> Self {
        Self {
            options: options.clone(),
            silent,
            open: None,
        }
    }

    /// Sends a request and reads the response to its end.
    pub(super) async fn request(
        &mut self,
        method: Method,
        sid: Option<&str>,
        body: String,
    ) -> Result<Response, ConnectError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.options.target(sid))
            .header(header::HOST, self.options.addr.to_string())
            .header(header::CONTENT_TYPE, "text/plain;charset=UTF-8");
        for (name, value) in &self.options.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).map_err(ConnectError::io)?;

        let sender = self.connection().await?;
        let response = sender
            .send_request(request)
            .await
            .map_err(ConnectError::io)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(ConnectError::io)?.to_bytes();
        let mut bytes = header_bytes(&parts.headers);
        bytes.extend_from_slice(&body);
        Ok(Response {
            status: parts.status.as_u16(),
            body: String::from_utf8_lossy(&body).into_owned(),
            cookies: cookies(&parts.headers),
            bytes,
        })
    }

    async fn connection(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, ConnectError> {
        let usable = match &mut self.open {
            Some((sender, _)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = connect_tcp(&self.options).await?;
            let (sender, connection) = handshake(TokioIo::new(stream))
                .await
                .map_err(ConnectError::io)?;
            let silent = self.silent.clone();
            let task = tokio::spawn(freezable(silent, async move {
                // Its error also reaches whoever waits for the response.
                connection.await.ok();
            }));
            self.open = Some((sender, AbortOnDropHandle::new(task)));
        }
        let (sender, _) = self.open.as_mut().expect("it was just opened");
        Ok(sender)
    }
}

/// A TCP connection that sends small packets at once.
pub(super) async fn connect_tcp(options: &ConnectOptions) -> Result<TcpStream, ConnectError> {
    let stream = match options.from {
        None => TcpStream::connect(options.addr).await,
        Some(from) => connect_from(from, options.addr).await,
    };
    let stream = stream.map_err(ConnectError::io)?;
    stream.set_nodelay(true).map_err(ConnectError::io)?;
    Ok(stream)
}

async fn connect_from(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// The cookies of a response without their attributes.
fn cookies(headers: &HeaderMap) -> Option<String> {
    let set = headers.get_all(header::SET_COOKIE).into_iter();
    let set = set.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    let set: Vec<&str> = set.collect();
    (!set.is_empty()).then(|| set.join("; "))
}

/// Response headers as lines.
pub(super) fn header_bytes(headers: &HeaderMap) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}
