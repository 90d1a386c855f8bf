//! Health, for load balancers and people.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::store::Store;

/// The longest a readiness check waits for the database.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// How long an answer of the database is cached: clients may ask often.
const READY_FOR: Duration = Duration::from_millis(500);

/// Whether the server can work.
pub(crate) struct Health {
    store: Store,
    draining: AtomicBool,
    /// When the database was last asked, and whether it answered. One request asks, the
    /// others wait for its result.
    asked: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            draining: AtomicBool::new(false),
            asked: Mutex::default(),
        }
    }

    async fn database_answers(&self) -> bool {
        let mut asked = self.asked.lock().await;
        if let Some((at, answers)) = *asked
            && at.elapsed() < READY_FOR
        {
            return answers;
        }
        let answers = self.store.ping(READY_WITHIN).await.is_ok();
        *asked = Some((Instant::now(), answers));
        answers
    }

    /// From now on the server is not ready.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}

/// `/healthz`: the process is running. `/readyz`: it can work. `/version`.
pub(crate) fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/version", get(version))
        .with_state(health)
}

async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    if health.draining.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    if health.database_answers().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "MongoDB does not answer")
    }
}

async fn version() -> impl IntoResponse {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": crate::wire::envelope::PROTOCOL,
    }))
}
