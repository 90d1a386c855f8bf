//! A stand-in for the application that is asked about messages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What signs the questions; the stand-in believes everybody.
pub(super) const SECRET: &str = "whsec_bG9hZC1sb2FkLWxvYWQtbG9hZC1sb2FkLWxvYWQ=";

/// An application that allows everything. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) addr: SocketAddr,
    running: JoinHandle<()>,
}

impl Hook {
    /// Starts one that takes so long for each answer.
    pub(super) async fn start(delay: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let router = Router::new().fallback(async move || {
            if !delay.is_zero() {
                let asked = Instant::now();
                // a timer of tokio is as coarse as a millisecond; if it fails, nothing waits
                let rest = move || std::thread::sleep(delay.saturating_sub(asked.elapsed()));
                let _ = tokio::task::spawn_blocking(rest).await;
            }
            (
                [(CONTENT_TYPE, "application/json")],
                r#"{"action":"allow"}"#,
            )
        });
        let running = tokio::spawn(async move {
            // ends with the task
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { addr, running })
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.running.abort();
    }
}
