//! Which web pages may talk to the server. CORS does not protect websockets, so
//! the origin is checked here for every request.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::config::AllowedOrigins;

/// Puts the check, and the CORS answers that go with it, around a router.
pub(crate) fn guard(router: Router, allowed: AllowedOrigins) -> Router {
    let allowed = Arc::new(allowed);
    let for_cors = Arc::clone(&allowed);
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, parts| {
            is_allowed(&for_cors, origin, &parts.headers)
        }))
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request());
    router
        .layer(middleware::from_fn_with_state(allowed, check))
        .layer(cors)
}

async fn check(
    State(allowed): State<Arc<AllowedOrigins>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    match headers.get(header::ORIGIN) {
        Some(origin) if !is_allowed(&allowed, origin, headers) => {
            metrics::counter!("chatzz_origins_refused_total").increment(1);
            let text = "this page's origin is not in CHATZZ_ALLOWED_ORIGINS";
            (StatusCode::FORBIDDEN, text).into_response()
        }
        // no origin: not a browser, which has no ambient rights to abuse
        _ => next.run(request).await,
    }
}

/// Pages of the server's own host are allowed without being listed.
fn is_allowed(allowed: &AllowedOrigins, origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let same_host = || {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let of_page = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == of_page
    };
    match allowed {
        AllowedOrigins::Any => true,
        AllowedOrigins::SameHost => same_host(),
        AllowedOrigins::Listed(origins) => {
            origins.iter().any(|listed| listed == origin) || same_host()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(allowed: &AllowedOrigins, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::HOST,
            HeaderValue::from_static("chat.example.org:3000"),
        );
        is_allowed(allowed, &HeaderValue::from_str(origin).unwrap(), &headers)
    }

    #[test]
    fn only_listed_pages_and_those_of_the_same_host_may_connect() {
        let listed = AllowedOrigins::Listed(vec!["https://app.example.org".into()]);
        assert!(allowed(&listed, "https://app.example.org"));
        assert!(allowed(&listed, "http://chat.example.org:3000"));
        for other in [
            "null",
            "https://app.example.org.evil.net",
            "https://evil.net",
            "http://chat.example.org",
            "https://app.example.org:8443",
        ] {
            assert!(!allowed(&listed, other), "{other}");
            assert!(!allowed(&AllowedOrigins::SameHost, other), "{other}");
            assert!(allowed(&AllowedOrigins::Any, other), "{other}");
        }
    }
}
