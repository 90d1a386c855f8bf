//! Bytes where websocket frames should be.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::frame::Eio;

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
