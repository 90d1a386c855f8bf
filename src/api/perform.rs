//! The way of a request to its call: who asks, whether they may, what they say.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::BytesMut;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as DeError, StrDeserializer};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::keys::Key;
use super::problem::Problem;
use super::read::{Place, Read, read};
use super::route::Route;
use super::{Answered, Api, Call, Reply, lines};
use crate::config::ApiScope;
use crate::service::{Error, IdInput};
use crate::wire::Code;

/// The longest the body of a request may take.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// How long a call is waited for beyond the time limit of a request: what is sent is answered
/// at that limit, more exactly.
const GRACE: Duration = Duration::from_millis(500);

/// The values of a path's parameters, in their order.
pub(super) type Named = Result<Path<Vec<(String, String)>>, PathRejection>;

/// A request to a call.
struct Asked {
    route: Route,
    named: Named,
    request: Request,
    /// Dropped once the body has been read.
    reading: oneshot::Sender<()>,
}

/// Answers a request.
pub(super) async fn perform<R, F>(
    api: Arc<Api>,
    route: Route,
    named: Named,
    request: Request,
    handle: impl FnOnce(Call, R) -> F + Send + 'static,
) -> Response
where
    R: Read,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    // to its end, even if nobody waits for the answer any more: what is begun is announced
    // to others, and is in the log
    let span = tracing::debug_span!("api.call", call = route.name);
    let limit = api.patience + GRACE;
    let (reading, read) = oneshot::channel();
    let asked = Asked {
        route,
        named,
        request,
        reading,
    };
    let working = tokio::spawn(work(api, asked, handle).instrument(span));
    let done = if route.bounds.has_time_limit {
        // the body has a limit of its own
        let _ = read.await;
        timeout(limit, working).await
    } else {
        Ok(working.await)
    };
    let done = match done {
        Ok(done) => done.unwrap_or_else(|_| Err(Problem::from(Error::Internal))),
        Err(_) if route.is_mutating => Err(Problem::from(Error::UnknownOutcome)),
        Err(_) => Err(Problem::from(Error::Unavailable).of_call(false)),
    };
    match done {
        Ok(reply) => {
            let (media_type, body) = match reply.body {
                Answered::Json(json) => ("application/json", Body::from(json.get().to_owned())),
                Answered::Lines(lines) => (lines::MEDIA_TYPE, lines),
            };
            let headers = [
                (header::CONTENT_TYPE, media_type),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (reply.status, headers, body).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Does what is asked for, counts it, and notes what was changed by whom.
async fn work<R, F>(
    api: Arc<Api>,
    asked: Asked,
    handle: impl FnOnce(Call, R) -> F + Send + 'static,
) -> Result<Reply, Problem>
where
    R: Read,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let route = asked.route;
    let admitted = admit(&api, &route, asked.request.headers());
    let name = admitted.as_ref().ok().map(|key| key.name().to_owned());
    let done = match admitted {
        Ok(key) => call(api, key, asked, handle).await,
        Err(problem) => Err(problem),
    };
    let done = done.map_err(|problem| problem.of_call(route.is_mutating));
    let code = done
        .as_ref()
        .map_or_else(|problem| problem.code().as_str(), |_| "ok");
    metrics::counter!("chatzz_api_calls_total", "code" => code).increment(1);
    // strangers cannot fill the log; what is taken out of it about somebody is noted, too
    let is_noted = route.is_mutating || route.scope == Some(ApiScope::Privacy);
    if let Some(key) = name.filter(|_| is_noted) {
        let about = done.as_ref().map_or("", |reply| reply.about.as_str());
        tracing::info!(key, call = route.name, code, about, "API call");
    }
    done
}

/// Who asks, if they may ask for this now.
fn admit(api: &Api, route: &Route, headers: &HeaderMap) -> Result<Arc<Key>, Problem> {
    let shown = headers.get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| {
        let (scheme, key) = value.as_bytes().split_first_chunk::<7>()?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
    });
    let key = shown
        .and_then(|shown| api.keys.find(shown))
        .ok_or_else(|| {
            let detail = "show a key that has not ended: `Authorization: Bearer KEY`";
            Problem::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, detail)
        })?;
    if let Some(scope) = route.scope.filter(|scope| !key.has(*scope)) {
        let detail = format!("this key lacks the scope `{scope}`");
        return Err(Problem::new(StatusCode::FORBIDDEN, Code::Forbidden, detail));
    }
    key.take().map_err(Error::RateLimited)?;
    Ok(key)
}

/// Does what is asked for.
async fn call<R, F>(
    api: Arc<Api>,
    key: Arc<Key>,
    asked: Asked,
    handle: impl FnOnce(Call, R) -> F + Send + 'static,
) -> Result<Reply, Problem>
where
    R: Read,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let Asked {
        route,
        named,
        request,
        reading,
    } = asked;
    let mut ids = ids_of(named)?.into_iter();
    let (parts, body) = request.into_parts();
    let (whole, by_line) = match route.place {
        Place::Lines => (Body::empty(), body),
        Place::Body | Place::Query | Place::Nowhere => (body, Body::empty()),
    };
    let most = route.max_body();
    let share = api.share(whole.size_hint().upper(), most).await?;
    let whole = collect(whole, most).await?;
    drop(reading);
    let asked = read(&parts.uri, &whole)?;
    drop(whole);
    let idempotency_key = idempotency_key(&parts.headers)?;
    let place = api.place().await?;
    let under_way = api.operator.begin().ok_or(Error::Unavailable)?;
    let call = Call {
        api,
        key,
        name: route.name,
        body: by_line,
        id: ids.next().unwrap_or_default(),
        other: ids.next().unwrap_or_default(),
        idempotency_key,
        place: Some(place),
    };
    let done = handle(call, asked).await;
    drop((under_way, share));
    done
}

/// The values of a path's parameters, which must be such as ids are in a body.
fn ids_of(named: Named) -> Result<Vec<String>, Error> {
    let not_utf8 = |_| Error::BadRequest("the path is not UTF-8 once it is decoded".into());
    let Path(named) = named.map_err(not_utf8)?;
    let checked = named.into_iter().map(|(name, value)| {
        let id: StrDeserializer<'_, DeError> = value.as_str().into_deserializer();
        match IdInput::deserialize(id) {
            Ok(_) => Ok(value),
            Err(error) => Err(Error::BadRequest(format!("{name}: {error}"))),
        }
    });
    checked.collect()
}

/// The header `Idempotency-Key`.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let key = keys.next();
    if keys.next().is_some() {
        let detail = "the header `Idempotency-Key` is there more than once";
        return Err(Error::BadRequest(detail.into()));
    }
    // what is not ASCII is refused with the rest of the message
    Ok(key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned()))
}

/// The whole body, if it is not too long; 0 bytes of a call that takes none.
async fn collect(body: Body, most: usize) -> Result<BytesMut, Problem> {
    let refused = |status, detail: &str| Problem::new(status, Code::BadRequest, detail);
    let mut chunks = body.into_data_stream();
    let collecting = async {
        let mut all = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk =
                chunk.map_err(|_| refused(StatusCode::BAD_REQUEST, "the body broke off"))?;
            if most == 0 && !chunk.is_empty() {
                let detail = "this call takes no body";
                return Err(refused(StatusCode::BAD_REQUEST, detail));
            }
            if all.len() + chunk.len() > most {
                let detail = format!("the body is longer than {most} bytes");
                return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, &detail));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    };
    let collected = timeout(BODY_WITHIN, collecting).await;
    let late = |_| refused(StatusCode::REQUEST_TIMEOUT, "the body took too long");
    collected.map_err(late)?
}
