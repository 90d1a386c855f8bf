//! The pages of `chatzz dev`, beside the socket.io endpoint: the demo application, or a plain page.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use tower_http::set_header::SetResponseHeaderLayer;

use super::demo::Site;

/// A chat without npm: its own few lines on a bare WebSocket.
const PLAIN: &str = include_str!("plain/index.html");
const PLAIN_SCRIPT: &str = include_str!("plain/plain.js");
const PLAIN_STYLE: &str = include_str!("plain/plain.css");

/// A front end as those of chatzz 1.x were.
const OLD: &str = include_str!("old/index.html");
const OLD_SCRIPT: &str = include_str!("old/old.js");

/// Scripts and styles come from files of this server, and only from there.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: https:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'";

/// The content of the pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// The demo users as a page may see them.
    pub(super) users: Arc<Value>,
    /// The demo application, if it could be built.
    pub(super) demo: Option<Site>,
    /// The most characters of a text.
    pub(super) max_chars: usize,
    /// The ports of all servers, once they are known.
    pub(super) servers: Arc<OnceLock<Vec<u16>>>,
}

impl Pages {
    /// The ports of all servers; none before they are known.
    fn ports(&self) -> &[u16] {
        self.servers.get().map_or(&[], Vec::as_slice)
    }
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
        .route(
            "/old",
            get(async || served("text/html; charset=utf-8", OLD)),
        )
        .route(
            "/old.js",
            get(async || served("text/javascript; charset=utf-8", OLD_SCRIPT)),
        )
        .route("/demo/users", get(users))
        .route("/demo/limits", get(limits))
        .route("/demo/servers", get(servers))
        .layer(middleware::from_fn_with_state(pages.clone(), guard))
        // `/duo` shows the page twice, side by side; what the policy says of frames goes before this
        .layer(SetResponseHeaderLayer::overriding(
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ))
        // the demo can send where one is
        .layer(SetResponseHeaderLayer::overriding(
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(self), microphone=()"),
        ))
        .with_state(pages)
}

async fn users(State(pages): State<Pages>) -> impl IntoResponse {
    axum::Json(pages.users.as_ref().clone())
}

async fn limits(State(pages): State<Pages>) -> impl IntoResponse {
    axum::Json(serde_json::json!({ "maxChars": pages.max_chars }))
}

async fn servers(State(pages): State<Pages>) -> impl IntoResponse {
    axum::Json(pages.ports().to_vec())
}

/// Gives every answer its content security policy.
async fn guard(State(pages): State<Pages>, request: Request, next: Next) -> Response {
    let policy = policy(request.headers(), pages.ports());
    let mut answer = next.run(request).await;
    if let Ok(policy) = HeaderValue::try_from(policy) {
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// The policy, in which the pages of the other servers may be shown by `/duo`: under the name of
/// this machine by which the browser asked.
fn policy(headers: &HeaderMap, ports: &[u16]) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let host = host.filter(|host| host.host().chars().all(is_plain));
    let others = match (host, ports) {
        (Some(host), [_, _, ..]) => {
            let source = |port: &u16| format!(" http://{}:{port}", host.host());
            ports.iter().map(source).collect()
        }
        _ => String::new(),
    };
    format!("{POLICY}; frame-src 'self'{others}; frame-ancestors 'self'{others}")
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
    #[test]
    fn pages_of_the_other_servers_may_be_shown_under_the_name_that_was_asked() {
        let of = |host: &str, ports: &[u16]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            policy(&headers, ports)
        };
        let both = " http://localhost:3000 http://localhost:3001";
        let expected = format!("frame-src 'self'{both}; frame-ancestors 'self'{both}");
        assert!(of("localhost:3001", &[3000, 3001]).ends_with(&expected));

        let alone = "frame-src 'self'; frame-ancestors 'self'";
        assert!(of("localhost:3000", &[3000]).ends_with(alone));
        // nobody writes into the policy
        assert!(of("a;script-src", &[3000, 3001]).ends_with(alone));
        assert!(of("a b", &[3000, 3001]).ends_with(alone));
    }
}
