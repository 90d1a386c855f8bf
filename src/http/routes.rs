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

use crate::store::Store;

/// The longest a readiness check waits for the database.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// Whether the server can work.
pub(crate) struct Health {
    store: Store,
    draining: AtomicBool,
}

impl Health {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            draining: AtomicBool::new(false),
        }
    }

    /// From now on the server is not ready.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}

/// `/healthz`: the process runs. `/readyz`: it can work. `/version`.
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
    match health.store.ping(READY_WITHIN).await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "MongoDB does not answer"),
    }
}

async fn version() -> impl IntoResponse {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": crate::wire::envelope::PROTOCOL,
    }))
}
