//! Upgrades from polling to websocket: which connection carries a session now.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::header;

use crate::transport::{Transport, Upgrades};

/// Notes every upgrade that passes through a router.
pub(crate) fn watch_upgrades(router: Router, upgrades: Upgrades) -> Router {
    router.layer(middleware::from_fn_with_state(upgrades, note))
}

async fn note(State(upgrades): State<Upgrades>, mut request: Request, next: Next) -> Response {
    let session = request
        .headers()
        .contains_key(header::UPGRADE)
        .then(|| session(request.uri().query().unwrap_or_default()))
        .flatten();
    let transport = request.extensions().get::<Transport>().cloned();
    if let (Some(session), Some(transport)) = (session, transport) {
        let guard = upgrades.note(session, transport);
        request.extensions_mut().insert(guard);
    }
    next.run(request).await
}

/// The session that a request belongs to; `None` for one that begins a session.
fn session(query: &str) -> Option<String> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("sid="))
        .map(str::to_owned)
}
