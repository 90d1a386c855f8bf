//! Request heads that outlive their request.
//!
//! The library keeps the head of the request that began a session as long as the
//! session lasts. As hyper reads it, its parts point into the 8 KiB that were read.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Uri, header};

use super::sessions::session;

/// Copies the heads of a router's requests that begin or upgrade a session out of
/// what was read.
pub(crate) fn keep_small(router: Router) -> Router {
    router.layer(middleware::from_fn(copy))
}

async fn copy(mut request: Request, next: Next) -> Response {
    let begins = session(request.uri().query().unwrap_or_default()).is_none();
    if begins || request.headers().contains_key(header::UPGRADE) {
        if let Ok(uri) = Uri::try_from(request.uri().to_string()) {
            *request.uri_mut() = uri;
        }
        *request.headers_mut() = own(request.headers());
    }
    next.run(request).await
}

fn own(headers: &HeaderMap) -> HeaderMap {
    let mut copies = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) else {
            continue; // what was a value is one
        };
        copy.set_sensitive(value.is_sensitive());
        copies.append(name.clone(), copy);
    }
    copies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_head_has_every_value_in_its_order_and_keeps_secrets_secret() {
        let read = bytes::Bytes::from_static(b"onetwoBearer token");
        let mut headers = HeaderMap::new();
        let value = |range| HeaderValue::from_maybe_shared(read.slice(range)).unwrap();
        headers.append("x-many", value(0..3));
        headers.append("x-many", value(3..6));
        let mut secret = value(6..18);
        secret.set_sensitive(true);
        headers.append(header::AUTHORIZATION, secret);

        let copies = own(&headers);

        assert_eq!(copies, headers);
        assert!(copies[header::AUTHORIZATION].is_sensitive());
        let read = read.as_ptr_range();
        for copy in copies.values() {
            assert!(!read.contains(&copy.as_bytes().as_ptr()), "{copy:?}");
        }
    }
}
