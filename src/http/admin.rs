//! The requests that an administrator may make, with a token.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::delete;
use axum::{Json, Router};
use futures::future::BoxFuture;
use http::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::service::Error;
use crate::wire::ErrorBody;

/// Ends every socket of the user who is named so; returns how many there were.
pub(crate) type EndUser = Arc<dyn Fn(String) -> BoxFuture<'static, usize> + Send + Sync>;

/// `DELETE /admin/users/{id}/sockets`, for requests with the token.
pub(crate) fn router(token: SecretString, end: EndUser) -> Router {
    Router::new()
        .route("/admin/users/{id}/sockets", delete(end_sockets))
        .with_state(end)
        .layer(middleware::from_fn_with_state(Arc::new(token), check))
}

async fn end_sockets(State(end): State<EndUser>, Path(id): Path<String>) -> Response {
    let ended = end(id).await;
    tracing::info!(ended, "an administrator ended the sockets of a user");
    Json(json!({ "ended": ended })).into_response()
}

async fn check(State(token): State<Arc<SecretString>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if shown.is_some_and(|shown| is_same(shown, token.expose_secret().as_bytes())) {
        return next.run(request).await;
    }
    metrics::counter!("chatzz_admin_refused_total").increment(1);
    tracing::warn!("a request of an administrator was refused: its token is missing or wrong");
    let body = ErrorBody::from(&Error::Unauthorized("the token is missing or wrong".into()));
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
}

/// Compares in a time that reveals neither where two tokens differ nor their length.
fn is_same(shown: &[u8], token: &[u8]) -> bool {
    Sha256::digest(shown)
        .as_slice()
        .ct_eq(Sha256::digest(token).as_slice())
        .into()
}
