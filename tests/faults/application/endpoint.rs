//! Where the application listens.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the last requests may take.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// A server of HTTP. Dropping it ends it.
pub(super) struct Endpoint {
    addr: SocketAddr,
    closing: CancellationToken,
    running: Mutex<JoinHandle<()>>,
}

impl Endpoint {
    pub(super) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let closing = CancellationToken::new();
        let closed = closing.clone().cancelled_owned();
        let serving = axum::serve(listener, router).with_graceful_shutdown(closed);
        let running = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            addr,
            closing,
            running: Mutex::new(running),
        }
    }

    /// The URL of one of its paths.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Answers what was asked, and closes every connection: those that a server keeps for
    /// later would count among its descriptors.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let mut running = self.running.lock().await;
        // one that still hangs ends with the process
        let _ = timeout(CLOSED_WITHIN, &mut *running).await;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.running.get_mut().abort();
    }
}
