//! The HTTP API for the application's back end: the table of calls, who may make them, and
//! one file for each call (in `calls`). It knows no database and no sockets: everything is
//! done by the [`Operator`].

mod calls;
mod keys;
mod lines;
mod openapi;
mod perform;
mod problem;
mod read;
mod route;
pub(crate) mod table;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::Config;
use crate::operator::Operator;
use crate::service::Error;
use crate::wire::{Code, Json, rendered};
pub(crate) use keys::Keys;
pub use openapi::document as openapi;
use problem::Problem;

/// KiB of bodies that may be read and worked on at a time, 64 MiB. Parsed, they take about
/// as much once more.
const MAX_BODIES_KIB: usize = 64 * 1_024;

/// Calls that may wait for events at a time, each a few KiB.
const MAX_WAITING: usize = 1_000;

/// Calls of many lines at a time, each a few MiB.
const MAX_STREAMS: usize = 16;

/// What every call works with.
pub(crate) struct Api {
    operator: Operator,
    keys: Arc<Keys>,
    /// Calls, and messages of batches, that may be worked on at a time.
    places: Arc<Semaphore>,
    /// KiB of bodies that may be read and worked on at a time.
    bodies: Arc<Semaphore>,
    /// Calls that may wait for events at a time.
    waits: Arc<Semaphore>,
    /// Calls of many lines at a time.
    streams: Arc<Semaphore>,
    /// The longest a call waits for its place.
    patience: Duration,
}

impl Api {
    /// Waits for a place among the calls that are worked on.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let places = Arc::clone(&self.places);
        match timeout(self.patience, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Error::Overloaded),
        }
    }

    /// One more call waits for events.
    fn waiting(&self) -> Result<OwnedSemaphorePermit, Error> {
        let waits = Arc::clone(&self.waits);
        waits.try_acquire_owned().map_err(|_| Error::Overloaded)
    }

    /// Waits until there is memory for a body of so many bytes, `most` if it is not known.
    async fn share(&self, bytes: Option<u64>, most: usize) -> Result<OwnedSemaphorePermit, Error> {
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let kib = bytes.unwrap_or(most).min(most) / 1_024 + 1;
        let kib = u32::try_from(kib.min(MAX_BODIES_KIB)).unwrap_or(u32::MAX);
        let bodies = Arc::clone(&self.bodies);
        match timeout(self.patience, bodies.acquire_many_owned(kib)).await {
            Ok(Ok(share)) => Ok(share),
            _ => Err(Error::Overloaded),
        }
    }
}

/// One call of somebody who may make it.
struct Call {
    api: Arc<Api>,
    key: Arc<keys::Key>,
    /// The call's name.
    name: &'static str,
    /// The value of the path's parameter, and of its second.
    id: String,
    other: String,
    /// The header `Idempotency-Key`.
    idempotency_key: Option<String>,
    /// Its place among those that are worked on.
    place: Option<OwnedSemaphorePermit>,
    /// The body of a call that reads it line by line.
    body: Body,
}

/// What a call is answered with.
enum Answered {
    /// One value.
    Json(Json),
    /// One a line, made while it is read.
    Lines(Body),
}

/// The answer to a call.
struct Reply {
    status: StatusCode,
    body: Answered,
    /// What the log says of it, never a text.
    about: String,
}

impl Reply {
    fn new(status: StatusCode, answer: &impl Serialize) -> Self {
        Self {
            status,
            body: Answered::Json(rendered(answer)),
            about: String::new(),
        }
    }

    fn ok(answer: &impl Serialize) -> Self {
        Self::new(StatusCode::OK, answer)
    }

    /// With something for the log.
    fn about(self, about: impl std::fmt::Display) -> Self {
        Self {
            about: about.to_string(),
            ..self
        }
    }
}

/// `/v1`, for requests with a key.
pub(crate) fn router(operator: Operator, keys: Arc<Keys>, config: &Config) -> Router {
    let places = usize::try_from(config.api.concurrency).unwrap_or(usize::MAX);
    let api = Arc::new(Api {
        operator,
        keys,
        places: Arc::new(Semaphore::new(places)),
        bodies: Arc::new(Semaphore::new(MAX_BODIES_KIB)),
        waits: Arc::new(Semaphore::new(MAX_WAITING)),
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        patience: config.timeouts.request,
    });
    let no_such_call = async || {
        let detail = "there is no such call; GET /v1/openapi.json lists them";
        Problem::new(StatusCode::NOT_FOUND, Code::BadRequest, detail)
    };
    let no_such_method = async || {
        let detail = "this path has no such method; GET /v1/openapi.json lists them";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, detail)
    };
    table::router(&api)
        .fallback(no_such_call)
        .method_not_allowed_fallback(no_such_method)
}
