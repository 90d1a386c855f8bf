//! Limits on the requests and sessions of an address.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::sessions::session;
use crate::limits::{Kind, Limits};
use crate::service::Error;
use crate::transport::{ClientAddress, Joined};
use crate::wire::ErrorBody;

struct Limited {
    limits: Arc<Limits>,
    path: String,
}

/// Limits the requests to the socket.io endpoint; others, such as those for health, are
/// always answered.
pub(crate) fn limit(router: Router, limits: Arc<Limits>, path: &str) -> Router {
    let path = path.to_owned();
    let limited = Arc::new(Limited { limits, path });
    router.layer(middleware::from_fn_with_state(limited, check))
}

async fn check(State(limited): State<Arc<Limited>>, mut request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().copied();
    let Some(ClientAddress(address)) = address else {
        return next.run(request).await;
    };
    if !request.uri().path().starts_with(&limited.path) {
        return next.run(request).await;
    }
    let begins = session(request.uri().query().unwrap_or_default()).is_none();
    let shared = limited.limits.address(address);
    let taken = shared.take_request();
    let begin = || {
        if begins {
            shared.take(Kind::Connect)
        } else {
            Ok(())
        }
    };
    let taken = taken.and_then(|()| begin());
    if let Err(wait) = taken {
        return refuse(wait);
    }
    if begins {
        request.extensions_mut().insert(Joined::default());
    }
    next.run(request).await
}

fn refuse(wait: Duration) -> Response {
    metrics::counter!("chatzz_requests_refused_total").increment(1);
    let body = ErrorBody::from(&Error::RateLimited(wait));
    let seconds = wait.as_secs().saturating_add(1).to_string();
    let retry_after = [(header::RETRY_AFTER, seconds)];
    (StatusCode::TOO_MANY_REQUESTS, retry_after, axum::Json(body)).into_response()
}
