//! Engine.IO sessions as their requests pass: upgrades from polling to websocket
//! are noted, and requests of ended sessions are refused.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::json;

use crate::transport::{Sessions, Transport};

/// Watches the sessions of a router.
pub(crate) fn watch_sessions(router: Router, sessions: Sessions) -> Router {
    router.layer(middleware::from_fn_with_state(sessions, watch))
}

async fn watch(State(sessions): State<Sessions>, mut request: Request, next: Next) -> Response {
    let Some(session) = session(request.uri().query().unwrap_or_default()) else {
        return next.run(request).await;
    };
    if sessions.has_ended(&session) {
        // what engine.io says of a session it does not know: clients begin anew
        let unknown = json!({ "code": 1, "message": "Session ID unknown" });
        return (StatusCode::BAD_REQUEST, axum::Json(unknown)).into_response();
    }
    let transport = request.extensions().get::<Transport>().cloned();
    if request.headers().contains_key(header::UPGRADE)
        && let Some(transport) = transport
        && let Some(guard) = sessions.note_upgrade(session, transport)
    {
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
