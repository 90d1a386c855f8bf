//! A link of so many bytes a second towards the client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often bytes pass.
const STEP: Duration = Duration::from_millis(20);
/// Bytes that the system may hold on either side: a link has little room.
const ROOM: u32 = 8 * 1024;

/// Passes connections on, slowly towards the client; cut when it is dropped.
#[derive(Debug)]
pub struct SlowLink {
    addr: SocketAddr,
    passed: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl SlowLink {
    /// A link to a server, with so many bytes a second.
    pub async fn to(server: SocketAddr, bytes_per_second: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let passed = Arc::new(AtomicUsize::default());
        let counted = Arc::clone(&passed);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                connections.spawn(pass(client, server, bytes_per_second, counted));
            }
        });
        Self {
            addr,
            passed,
            accepting,
        }
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Bytes that have passed towards clients.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        // the connections are tasks of this one
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, server: SocketAddr, rate: usize, passed: Arc<AtomicUsize>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(ROOM).unwrap();
    let Ok(server) = socket.connect(server).await else {
        return;
    };
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        () = trickle(from_server, to_client, rate, passed) => {}
    }
}

async fn trickle(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    rate: usize,
    passed: Arc<AtomicUsize>,
) {
    let mut bytes = vec![0; (rate / 50).max(1)];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let some = bytes.get(..count).unwrap_or_default();
        if to.write_all(some).await.is_err() {
            return;
        }
        passed.fetch_add(count, Ordering::SeqCst);
        sleep(STEP).await;
    }
}
