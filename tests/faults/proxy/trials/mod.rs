//! Each fault of the proxy, seen from both ends.

mod bytes;
mod ends;
mod replies;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::Proxy;

/// All trials of the proxy.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = bytes::trials();
    trials.extend(ends::trials());
    trials.extend(replies::trials());
    trials
}

/// The longest an end waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing must come where nothing may.
const QUIET: Duration = Duration::from_millis(300);

/// A client and the server's end of its connection, with a proxy between.
struct Pair {
    proxy: Proxy,
    client: TcpStream,
    server: TcpStream,
    listener: TcpListener,
}

impl Pair {
    async fn connect(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = super::Options {
            seed,
            ..Default::default()
        };
        let proxy = Proxy::start_with(listener.local_addr().unwrap(), options).unwrap();
        let (client, server) = another(&proxy, &listener).await;
        Self {
            proxy,
            client,
            server,
            listener,
        }
    }
}

/// One more connection through a proxy.
async fn another(proxy: &Proxy, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(proxy.addr()).await.unwrap();
    let accepted = timeout(PATIENCE, listener.accept()).await;
    let (server, _) = accepted.expect("the proxy connects").unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    (client, server)
}

/// Reads exactly this much.
async fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let reading = timeout(PATIENCE, stream.read_exact(&mut bytes)).await;
    reading.expect("bytes in time").unwrap();
    bytes
}

/// Reads until the stream ends, and how it ended.
async fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::new();
    let reading = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let ended = reading.expect("an end in time").map(drop);
    (bytes, ended)
}

/// Checks that the stream is reset, after these bytes.
async fn is_reset_after(stream: &mut TcpStream, expected: &[u8]) {
    let (bytes, ended) = read_to_end(stream).await;
    assert_eq!(bytes, expected);
    let kind = ended.map_err(|error| error.kind());
    assert_eq!(kind, Err(io::ErrorKind::ConnectionReset));
}

/// Checks that nothing comes, not even the end.
async fn is_silent(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(QUIET, stream.read(&mut byte)).await;
    assert!(read.is_err(), "something came: {read:?}");
}

/// Checks that bytes get through both ways.
async fn carries(client: &mut TcpStream, server: &mut TcpStream) {
    client.write_all(b"ping").await.unwrap();
    assert_eq!(read(server, 4).await, b"ping");
    server.write_all(b"pong").await.unwrap();
    assert_eq!(read(client, 4).await, b"pong");
}

/// Recognizable bytes.
fn pattern(count: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(count).collect()
}

/// An address on which nobody listens.
async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
