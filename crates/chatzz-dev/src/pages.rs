//! The pages of `chatzz dev`, beside the socket.io endpoint: the demo application, or a plain page.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use tower_http::set_header::SetResponseHeaderLayer;

use super::demo::Site;

/// A chat without npm: its own few lines on a bare WebSocket.
const PLAIN: &str = include_str!("plain/index.html");
const PLAIN_SCRIPT: &str = include_str!("plain/plain.js");
const PLAIN_STYLE: &str = include_str!("plain/plain.css");

/// Scripts and styles come from files of this server, and only from there.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: https:; \
     connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The content of the pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// The demo users as a page may see them.
    pub(super) users: Arc<Value>,
    /// The demo application, if it could be built.
    pub(super) demo: Option<Site>,
}

pub(super) fn router(pages: Pages) -> Router {
    Router::new()
        .route(
            "/",
            get(async |State(pages): State<Pages>| page(&pages, "index.html")),
        )
        .route(
            "/duo",
            get(async |State(pages): State<Pages>| page(&pages, "duo.html")),
        )
        .route("/assets/{file}", get(asset))
        .route(
            "/plain.js",
            get(async || served("text/javascript; charset=utf-8", PLAIN_SCRIPT)),
        )
        .route(
            "/plain.css",
            get(async || served("text/css; charset=utf-8", PLAIN_STYLE)),
        )
        .route("/demo/users", get(users))
        .layer(SetResponseHeaderLayer::overriding(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ))
        // `/duo` shows the page twice, side by side
        .layer(SetResponseHeaderLayer::overriding(
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ))
        .with_state(pages)
}

async fn users(State(pages): State<Pages>) -> impl IntoResponse {
    axum::Json(pages.users.as_ref().clone())
}

fn page(pages: &Pages, name: &str) -> Response {
    match pages.demo.as_ref().and_then(|site| site.file(name)) {
        Some((media_type, page)) => served(media_type, page),
        None => served("text/html; charset=utf-8", PLAIN),
    }
}

async fn asset(State(pages): State<Pages>, Path(file): Path<String>) -> Response {
    let found = pages
        .demo
        .as_ref()
        .and_then(|site| site.file(&format!("assets/{file}")));
    match found {
        Some((media_type, content)) => served(media_type, content),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn served(media_type: &'static str, content: impl IntoResponse) -> Response {
    let kept = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (kept, content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_page_has_no_script_and_no_style_of_its_own() {
        assert!(PLAIN.contains("<script src=\"/plain.js\""));
        assert_eq!(PLAIN.matches("<script").count(), 1);
        assert!(!PLAIN.contains("<style") && !PLAIN.contains("style="));
    }
}
