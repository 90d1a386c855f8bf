//! Bytes where websocket frames should be, and bodies as they are written here.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::row::{Fate, Post};
use crate::limits::bodies::{in_chunks, raw_post};
use crate::limits::peers::polled_session;
use crate::support::frame::Eio;
use crate::support::http;

/// How long the server may take to close.
const SOON: Duration = Duration::from_secs(5);

/// Opens a websocket, sends bytes; whether the server closes the connection.
pub(super) async fn after_upgrade(addr: SocketAddr, eio: Eio, bytes: &[u8]) -> bool {
    let eio = if eio == Eio::V4 { 4 } else { 3 };
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!(
        "GET /socket.io/?EIO={eio}&transport=websocket HTTP/1.1\r\nhost: {addr}\r\n\
         connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    stream.write_all(bytes).await.unwrap();
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.is_ok()
}

/// Sends a body to a session that has not joined; the status of the answer, and what
/// became of the session.
pub(super) async fn post_to_session(
    addr: SocketAddr,
    eio: u8,
    body: &str,
    post: &Post,
) -> (String, Fate) {
    let endpoint = polled_session(addr, eio).await;
    let (headers, bytes) = match post.chunk {
        Some(size) => (
            "transfer-encoding: chunked".to_owned(),
            in_chunks(body, size),
        ),
        None => (
            format!("content-length: {}", body.len() + post.withheld),
            body.to_owned(),
        ),
    };
    let headers = headers + "\r\nconnection: close";
    let status = raw_post(addr, &endpoint, &headers, bytes.as_bytes()).await;
    let ping = if eio == 4 { "3" } else { "1:2" };
    let fate = match http::post(addr, &endpoint, ping).await.status {
        200 => Fate::Kept,
        _ => Fate::Closed,
    };
    (status.to_string(), fate)
}
