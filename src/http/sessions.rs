//! Observes the requests of Engine.IO sessions: upgrades from polling to websocket are
//! noted, and requests of ended sessions are refused.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
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
    if request.method() == Method::GET && !request.headers().contains_key(header::UPGRADE) {
        return poll(&sessions, &session, request, next).await;
    }
    if sessions.has_ended(&session) {
        return unknown();
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

/// A request that may wait for packets: it ends with its session.
async fn poll(sessions: &Sessions, session: &str, request: Request, next: Next) -> Response {
    let ended = sessions.begin_request(session);
    // after the beginning: an end from now on is either seen here or resolves `ended`
    if sessions.has_ended(session) {
        sessions.finish_request(session);
        return unknown();
    }
    let _finish = Finish { sessions, session };
    tokio::select! {
        biased;
        () = ended.cancelled() => unknown(),
        response = next.run(request) => response,
    }
}

/// Finishes a request, even one that the client abandons.
struct Finish<'a> {
    sessions: &'a Sessions,
    session: &'a str,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.sessions.finish_request(self.session);
    }
}

/// engine.io's answer for an unknown session: clients start a new one
fn unknown() -> Response {
    let unknown = json!({ "code": 1, "message": "Session ID unknown" });
    (StatusCode::BAD_REQUEST, axum::Json(unknown)).into_response()
}

/// The session that a request belongs to; `None` for one that begins a session.
pub(super) fn session(query: &str) -> Option<String> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("sid="))
        .map(str::to_owned)
}
