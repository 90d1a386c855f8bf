//! Which web pages may talk to the server. CORS does not protect websockets, so
//! the origin is checked here for every request.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::config::AllowedOrigins;

/// Origins of which the first refusal is logged; further ones are counted alone.
const MAX_LOGGED: usize = 64;

/// Puts the check, and the CORS answers that go with it, around a router.
pub(crate) fn guard(router: Router, allowed: AllowedOrigins) -> Router {
    let guard = Arc::new(Guard {
        allowed,
        logged: Mutex::default(),
    });
    let (for_origin, for_credentials) = (Arc::clone(&guard), Arc::clone(&guard));
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, parts| {
            for_origin.allows(origin, &parts.headers)
        }))
        // never for every page of the world: socket.io-client 1 and 2 ask for it
        .allow_credentials(AllowCredentials::predicate(move |origin, parts| {
            for_credentials.allowed != AllowedOrigins::Any
                && for_credentials.allows(origin, &parts.headers)
        }))
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request());
    router
        .layer(middleware::from_fn_with_state(guard, check))
        .layer(cors)
}

/// Which origins are allowed, and which refusals were logged.
struct Guard {
    allowed: AllowedOrigins,
    logged: Mutex<HashSet<HeaderValue>>,
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if guard.allowed == AllowedOrigins::Local && !host(headers).is_none_or(|host| is_local(&host)) {
        let text = "chatzz dev answers at an address or at localhost, not at other names";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if !guard.allows(origin, headers) => {
            metrics::counter!("chatzz_origins_refused_total").increment(1);
            guard.log(origin);
            let text = "this page's origin is not in CHATZZ_ALLOWED_ORIGINS";
            (StatusCode::FORBIDDEN, text).into_response()
        }
        // no origin: not a browser, which has no ambient rights to abuse
        _ => next.run(request).await,
    }
}

impl Guard {
    /// Pages of the server's own host are allowed without being listed.
    fn allows(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        match &self.allowed {
            AllowedOrigins::Any => true,
            AllowedOrigins::SameHost => is_of_host(origin, headers),
            AllowedOrigins::Local => {
                let page = origin.split_once("://").map(|(_, host)| host);
                page.is_some_and(is_loopback) || is_of_host(origin, headers)
            }
            AllowedOrigins::Listed(origins) => {
                origins.iter().any(|listed| listed.allows(origin)) || is_of_host(origin, headers)
            }
        }
    }

    /// Logs the first refusal of each origin, so that an operator need not guess why a page
    /// does not connect.
    fn log(&self, origin: &HeaderValue) {
        let mut logged = self.logged.lock();
        if logged.len() < MAX_LOGGED && logged.insert(origin.clone()) {
            tracing::warn!(
                ?origin,
                "a page was refused: its origin is not in CHATZZ_ALLOWED_ORIGINS"
            );
        }
    }
}

/// Whether a page is of the host that the request was sent to. Proxies write the host in
/// the form they like: in capitals, or with the scheme's own port.
fn is_of_host(origin: &str, headers: &HeaderMap) -> bool {
    let Some((scheme, of_page)) = origin.split_once("://") else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host.map(str::to_ascii_lowercase) else {
        return false;
    };
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    host.strip_suffix(port).unwrap_or(&host) == of_page
}

/// The host that a request was sent to, in small letters.
fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    Some(host.to_ascii_lowercase())
}

/// Whether a host is an address or this machine's own name: nobody can turn those elsewhere.
fn is_local(host: &str) -> bool {
    let name = without_port(host);
    is_loopback(host) || name.parse::<IpAddr>().is_ok()
}

/// Whether a host is this machine, whoever asks.
fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    let address = name.parse::<IpAddr>();
    name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

/// A host without its port, and an IPv6 address without its brackets.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AllowedOrigin;

    fn allowed(allowed: &AllowedOrigins, host: &'static str, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        let guard = Guard {
            allowed: allowed.clone(),
            logged: Mutex::default(),
        };
        guard.allows(&HeaderValue::from_str(origin).unwrap(), &headers)
    }

    #[test]
    fn only_listed_pages_and_those_of_the_same_host_may_connect() {
        const HOST: &str = "chat.example.org:3000";
        let listed = AllowedOrigin::Exactly("https://app.example.org".into());
        let listed = AllowedOrigins::Listed(vec![listed]);
        assert!(allowed(&listed, HOST, "https://app.example.org"));
        assert!(allowed(&listed, HOST, "http://chat.example.org:3000"));
        for other in [
            "null",
            "https://app.example.org.evil.net",
            "https://evil.net",
            "http://chat.example.org",
            "https://app.example.org:8443",
        ] {
            assert!(!allowed(&listed, HOST, other), "{other}");
            assert!(!allowed(&AllowedOrigins::SameHost, HOST, other), "{other}");
            assert!(allowed(&AllowedOrigins::Any, HOST, other), "{other}");
        }
    }

    #[test]
    fn a_host_is_the_same_in_capitals_and_with_its_own_port() {
        for (host, origin, same) in [
            ("chat.example.org", "https://chat.example.org", true),
            ("chat.example.org:443", "https://chat.example.org", true),
            ("chat.example.org:80", "http://chat.example.org", true),
            ("Chat.Example.org", "https://chat.example.org", true),
            ("chat.example.org:80", "https://chat.example.org", false),
            ("chat.example.org:8443", "https://chat.example.org", false),
            ("chat.example.org", "https://evil.example", false),
            ("chat.example.org", "file://chat.example.org", false),
            ("null", "null", false),
        ] {
            let is_allowed = allowed(&AllowedOrigins::SameHost, host, origin);
            assert_eq!(is_allowed, same, "{host} {origin}");
        }
    }

    #[test]
    fn a_local_server_takes_pages_of_this_machine_alone() {
        for (host, origin, is_allowed) in [
            ("localhost:3000", "http://localhost:5173", true),
            ("127.0.0.1:3000", "http://127.0.0.1:3000", true),
            ("[::1]:3000", "http://app.localhost", true),
            ("192.168.0.7:3000", "http://192.168.0.7:3000", true),
            ("192.168.0.7:3000", "http://192.168.0.8:3000", false),
            ("localhost:3000", "https://evil.net", false),
            ("localhost:3000", "http://localhost.evil.net", false),
        ] {
            let allows = allowed(&AllowedOrigins::Local, host, origin);
            assert_eq!(allows, is_allowed, "{host} {origin}");
        }
        assert!(!is_local("evil.net:3000"), "a name turned to this machine");
        assert!(is_local("[fe80::1]:3000") && is_local("localhost"));
    }
}
