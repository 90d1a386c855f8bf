//! What a socket.io server answers and the library under ours does not.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

use super::client_files::ClientFiles;

/// Answers requests to the socket.io endpoint at `path` that are no websockets though they
/// ask for one, or that ask for the client's script, and chooses subprotocols.
pub(crate) fn complete_engine(router: Router, path: &str, files: ClientFiles) -> Router {
    let engine: (Arc<str>, Arc<ClientFiles>) = (path.into(), Arc::new(files));
    router.layer(middleware::from_fn_with_state(engine, answer))
}

async fn answer(
    State((path, files)): State<(Arc<str>, Arc<ClientFiles>)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(below) = request.uri().path().strip_prefix(&*path) else {
        return next.run(request).await;
    };
    if request.method() == Method::GET
        && let Some(name) = script(below)
    {
        return files.answer(name, request.headers());
    }
    let wants_websocket = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair == "transport=websocket"));
    if wants_websocket && !request.headers().contains_key(header::UPGRADE) {
        return no_upgrade();
    }
    let protocol = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    let protocol = protocol.and_then(first_of);
    let mut response = next.run(request).await;
    if let Some(protocol) = protocol
        && response.status() == StatusCode::SWITCHING_PROTOCOLS
    {
        // a browser breaks off unless one of those it offers is chosen
        let headers = response.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// The name of a script, if a path below the endpoint is one of those at which a socket.io
/// server has its client.
fn script(below: &str) -> Option<&str> {
    let name = below.trim_start_matches('/');
    (name.starts_with("socket.io") && name.contains(".js")).then_some(name)
}

fn first_of(offered: &HeaderValue) -> Option<HeaderValue> {
    let first = offered.to_str().ok()?.split(',').next()?.trim();
    HeaderValue::from_str(first).ok()
}

/// A proxy has dropped the `Upgrade` header: engine.io's answer, after which clients fall
/// back to polling.
fn no_upgrade() -> Response {
    let bad_request = json!({ "code": 3, "message": "Bad request" });
    let headers = [(header::UPGRADE, "websocket")];
    (StatusCode::BAD_REQUEST, headers, axum::Json(bad_request)).into_response()
}
