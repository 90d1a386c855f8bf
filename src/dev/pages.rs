//! What `chatzz dev` serves beside the socket.io endpoint: the demo page.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tower_http::set_header::SetResponseHeaderLayer;

const PAGE: &str = include_str!("page.html");

/// What the page needs beside itself.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// The demo users as a page may see them.
    pub(super) users: Arc<Value>,
    /// The socket.io client, if npm could fetch it.
    pub(super) client: Option<PathBuf>,
}

pub(super) fn router(pages: Pages) -> Router {
    let policy = SetResponseHeaderLayer::overriding(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&content_security_policy())
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'")),
    );
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/demo/users", get(users))
        .route("/socket.io.min.js", get(client))
        .layer(policy)
        // the page shows itself twice, side by side
        .layer(SetResponseHeaderLayer::overriding(
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ))
        .with_state(pages)
}

async fn users(State(pages): State<Pages>) -> impl IntoResponse {
    axum::Json(pages.users.as_ref().clone())
}

async fn client(State(pages): State<Pages>) -> Response {
    let missing = || {
        let text = "the socket.io client is missing: install npm and start chatzz dev again";
        (StatusCode::NOT_FOUND, text).into_response()
    };
    let Some(path) = pages.client else {
        return missing();
    };
    match tokio::fs::read(&path).await {
        Ok(script) => ([(header::CONTENT_TYPE, "text/javascript")], script).into_response(),
        Err(_) => missing(),
    }
}

/// Only the page's own script and style run, known by their hashes.
fn content_security_policy() -> String {
    let script = hash_of("script");
    let style = hash_of("style");
    format!(
        "default-src 'none'; script-src 'self' {script}; style-src {style}; \
         img-src data: https:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'"
    )
}

fn hash_of(element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let text = PAGE
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close))
        .map_or("", |(text, _)| text);
    format!(
        "'sha256-{}'",
        BASE64.encode(Sha256::digest(text.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_script_and_one_style_which_the_policy_names() {
        assert_eq!(PAGE.matches("<script>").count(), 1);
        assert_eq!(PAGE.matches("<style>").count(), 1);
        // the hash of nothing would mean that the element was not found
        let nothing = BASE64.encode(Sha256::digest(b""));
        assert!(!content_security_policy().contains(&nothing));
    }
}
