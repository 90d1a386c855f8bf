//! Request heads that outlive their request.
//!
//! The library keeps the head of the request that began a session as long as the session
//! lasts. As hyper reads it, its parts point into the 8 KiB that were read, and a browser
//! sends more headers than are used here, cookies among them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use super::sessions::session;
use crate::config::Config;

/// The headers that the library and the login use.
const NEEDED: [HeaderName; 3] = [
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::AUTHORIZATION,
];

/// The requests concerned, and the additional headers to keep of their heads.
#[derive(Debug)]
struct Kept {
    path: String,
    announced: Vec<HeaderName>,
}

impl Kept {
    /// Whether a request begins or upgrades a session.
    fn lasts(&self, request: &Request) -> bool {
        let below = request.uri().path().strip_prefix(&self.path);
        let begins = || session(request.uri().query().unwrap_or_default()).is_none();
        let upgrades = || request.headers().contains_key(header::UPGRADE);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && request.method() == Method::GET
            && (begins() || upgrades())
    }

    fn keeps(&self, name: &HeaderName) -> bool {
        NEEDED.contains(name) || self.announced.contains(name)
    }

    /// Copies of the headers to keep.
    fn own(&self, headers: &HeaderMap) -> HeaderMap {
        let mut copies = HeaderMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| self.keeps(name)) {
            let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) else {
                continue; // a value stays valid
            };
            copy.set_sensitive(value.is_sensitive());
            copies.append(name.clone(), copy);
        }
        copies
    }
}

/// Copies the necessary headers out of the read buffer, for socket.io requests that begin
/// or upgrade a session, including the headers that are sent to the application.
pub(crate) fn keep_small(router: Router, config: &Config) -> Router {
    let path = config.socket.path.clone();
    let announced = config.auth.announced_headers().to_vec();
    let kept = Arc::new(Kept { path, announced });
    router.layer(middleware::from_fn_with_state(kept, copy))
}

async fn copy(State(kept): State<Arc<Kept>>, mut request: Request, next: Next) -> Response {
    if kept.lasts(&request) {
        if let Ok(uri) = Uri::try_from(request.uri().to_string()) {
            *request.uri_mut() = uri;
        }
        *request.headers_mut() = kept.own(request.headers());
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_copied_head_has_what_is_needed_in_its_order_and_keeps_secrets_secret() {
        let read = bytes::Bytes::from_static(b"onetwoBearer tokencookiewebsocket");
        let mut headers = HeaderMap::new();
        let value = |range| HeaderValue::from_maybe_shared(read.slice(range)).unwrap();
        headers.append("x-many", value(0..3));
        headers.append("x-many", value(3..6));
        headers.append("x-other", value(3..6));
        headers.append(header::COOKIE, value(18..24));
        headers.append(header::UPGRADE, value(24..33));
        let mut secret = value(6..18);
        secret.set_sensitive(true);
        headers.append(header::AUTHORIZATION, secret);
        let kept = Kept {
            path: String::new(),
            announced: vec![HeaderName::from_static("x-many")],
        };

        let copies = kept.own(&headers);

        let mut wanted = headers.clone();
        wanted.remove(header::COOKIE);
        wanted.remove("x-other");
        assert_eq!(copies, wanted);
        assert!(copies[header::AUTHORIZATION].is_sensitive());
        let read = read.as_ptr_range();
        for copy in copies.values() {
            assert!(!read.contains(&copy.as_bytes().as_ptr()), "{copy:?}");
        }
    }

    #[test]
    fn a_head_lasts_that_begins_or_upgrades_a_session() {
        let kept = Kept {
            path: "/socket.io".into(),
            announced: Vec::new(),
        };
        let request = |method: Method, uri: &str| {
            let request = Request::builder().method(method).uri(uri);
            request.header(header::UPGRADE, "h2c").body(Body::empty())
        };
        let lasts = |method, uri| kept.lasts(&request(method, uri).unwrap());
        for uri in ["/socket.io/?EIO=4", "/socket.io?EIO=4", "/socket.io/?sid=1"] {
            assert!(lasts(Method::GET, uri), "{uri}");
        }
        assert!(
            !lasts(Method::POST, "/socket.io/?sid=1"),
            "a poll has a type"
        );
        assert!(
            !lasts(Method::GET, "/socket.iot"),
            "a page of somebody else"
        );
        assert!(!lasts(Method::GET, "/"));
    }
}
