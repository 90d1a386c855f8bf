//! Commands that call the HTTP API of a running server, as a back end would.
//!
//! A call is repeated as long as that may help: every call may be made again, and a message
//! is sent once under its key.

mod export;
mod import;
mod send;
mod tail;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until};

use crate::callout::{self, FetchError};
use crate::clock::Clock;
use crate::config::ServiceUrl;

pub use export::Exported;
pub use import::{Imported, NotImported};
pub use send::{NewMessage, Sent};
pub use tail::{PulledEvent, Tail};

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call is repeated before it fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it is repeated while nobody has ever listened there: the time of a restart.
const ABSENT: Duration = Duration::from_secs(5);
/// The pause after a first failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest that is waited because an answer says so.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// Most bytes of an answer: 500 messages of the longest kind.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The connections that stay open: a command makes one call at a time.
const IDLE_CONNECTIONS: usize = 1;

/// Why a call was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The server refuses it; a repeat would be refused as well.
    #[error("{detail} ({code})")]
    Refused {
        /// The stable code.
        code: String,
        /// For people.
        detail: String,
    },
    /// There is no answer, or the server is busy, or an earlier attempt had no answer: whether
    /// it was done is not known.
    #[error("{0}")]
    NoAnswer(String),
    /// Nothing answers there, and nothing ever has.
    #[error(
        "{0}: nobody listens there. If the API is elsewhere, write its address as --url or \
         CHATZZ_API_URL; CHATZZ_API_LISTEN of the server says where"
    )]
    Nobody(String),
    /// Something else than chatzz answers there.
    #[error("what answers at {0} is not the API of chatzz (status {1}); see CHATZZ_API_LISTEN")]
    Stranger(String, u16),
    /// No request can be made at all.
    #[error("no request can be made: the system's root certificates cannot be read")]
    NoRoots,
}

/// The part of an error that this program reads.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    stored: Option<String>,
}

/// What an attempt came to.
enum Failed {
    /// A repeat may succeed.
    ForNow {
        error: CallError,
        /// After so long.
        at_least: Duration,
        /// Whether this attempt may have done what it was to do.
        may_be_done: bool,
    },
    /// A repeat cannot.
    ForGood(CallError),
}

/// How long a call is made again, and how soon.
struct Patience {
    end: Option<Instant>,
    /// When it ends if nobody has ever listened.
    absent: Option<Instant>,
    pause: Duration,
}

impl Patience {
    /// For so long; for ever without it.
    fn new(patience: Option<Duration>) -> Self {
        let in_time = |time: Duration| Instant::now() + time;
        Self {
            end: patience.map(in_time),
            absent: patience.map(|patience| in_time(patience.min(ABSENT))),
            pause: FIRST_PAUSE,
        }
    }

    /// Waits until the next attempt, unless there is to be none.
    async fn next(&mut self, failed: Failed, waits: fn(&CallError)) -> Result<(), CallError> {
        let (error, at_least) = match failed {
            Failed::ForNow {
                error, at_least, ..
            } => (error, at_least),
            Failed::ForGood(error) => return Err(error),
        };
        let next = Instant::now() + self.pause.max(at_least);
        let end = match error {
            CallError::Nobody(_) => self.absent,
            _ => self.end,
        };
        if end.is_some_and(|end| next > end) {
            return Err(error);
        }
        waits(&error);
        sleep_until(next).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// A call that can be made again.
#[derive(Clone, Debug)]
struct Call<'a> {
    method: Method,
    /// Below `/v1`.
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    /// Its type, and what it says.
    body: Option<(&'static str, Vec<u8>)>,
    /// How long one attempt may take.
    timeout: Duration,
    /// How long it is repeated; for ever without it.
    patience: Option<Duration>,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            query: &[],
            body: None,
            timeout: TIMEOUT,
            patience: Some(PATIENCE),
        }
    }
}

/// The HTTP API of a server, and the key that is shown to it.
#[derive(Debug)]
pub struct BackEnd {
    client: Client,
    url: ServiceUrl,
    key: SecretString,
    clock: Clock,
    /// Whether anything has ever answered.
    is_there: AtomicBool,
    /// Hears why a call is made again.
    waits: fn(&CallError),
}

impl BackEnd {
    /// Calls the API at a URL; `waits` hears why a call is made again.
    ///
    /// # Errors
    /// That the system has no root certificates.
    pub fn new(
        url: ServiceUrl,
        key: SecretString,
        waits: fn(&CallError),
    ) -> Result<Self, CallError> {
        let client = callout::client(&url, TIMEOUT, IDLE_CONNECTIONS);
        Ok(Self {
            client: client.map_err(|_| CallError::NoRoots)?,
            url,
            key,
            clock: Clock::System,
            is_there: AtomicBool::new(false),
            waits,
        })
    }

    /// Makes a call, again and again if need be.
    async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CallError> {
        let mut patience = Patience::new(call.patience);
        let mut perhaps = false;
        loop {
            let failed = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                // the refusal says nothing of an earlier attempt
                Err(Failed::ForGood(error)) if perhaps => {
                    let text = format!("{error}; an attempt before it had no answer");
                    return Err(CallError::NoAnswer(text));
                }
                Err(failed) => failed,
            };
            if let Failed::ForNow { may_be_done, .. } = failed {
                perhaps |= may_be_done && call.method != Method::GET;
            }
            patience.next(failed, self.waits).await?;
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Failed> {
        let response = self.open(call).await?;
        let status = response.status().as_u16();
        let body = callout::body(response, MAX_BYTES).await;
        let body = body.map_err(|error| self.no_answer(&error))?;
        callout::object(&body)
            .ok_or_else(|| Failed::ForGood(CallError::Stranger(self.url.to_string(), status)))
    }

    /// Makes a call once, up to the head of a good answer.
    async fn open(&self, call: &Call<'_>) -> Result<Response, Failed> {
        let mut url = self.url.url().clone();
        let path = format!("{}/v1/{}", url.path().trim_end_matches('/'), call.path);
        url.set_path(&path);
        url.query_pairs_mut().extend_pairs(call.query);
        let mut request = self.client.request(call.method.clone(), url);
        request = request
            .timeout(call.timeout)
            .bearer_auth(self.key.expose_secret());
        if let Some((content_type, body)) = &call.body {
            request = request
                .header(header::CONTENT_TYPE, *content_type)
                .body(body.clone());
        }
        let response = request.send().await.map_err(FetchError::from);
        let response = response.map_err(|error| self.no_answer(&error))?;
        self.is_there.store(true, Ordering::Relaxed);
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return Ok(response);
        }
        let body = callout::body(response, MAX_BYTES).await;
        let body = body.map_err(|error| self.no_answer(&error))?;
        Err(self.failed(status, &headers, callout::object(&body)))
    }

    fn no_answer(&self, error: &FetchError) -> Failed {
        let is_connected = *error != FetchError::CANNOT_CONNECT;
        let is_there = is_connected || self.is_there.load(Ordering::Relaxed);
        Failed::ForNow {
            may_be_done: is_connected,
            error: if is_there {
                CallError::NoAnswer(format!("{}: {error}", self.url))
            } else {
                CallError::Nobody(self.url.to_string())
            },
            at_least: Duration::ZERO,
        }
    }

    /// A line of a stream says that it cannot go on.
    fn cut_off(&self, code: &str) -> Failed {
        Failed::ForNow {
            error: CallError::NoAnswer(format!("{}: it cannot go on ({code})", self.url)),
            at_least: Duration::ZERO,
            may_be_done: true,
        }
    }

    fn failed(&self, status: StatusCode, headers: &HeaderMap, problem: Option<Problem>) -> Failed {
        let is_for_now = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        ) || status.is_server_error();
        let stored = problem
            .as_ref()
            .and_then(|problem| problem.stored.as_deref());
        let may_be_done = stored != Some("no");
        let error = match problem {
            Some(Problem { code, detail, .. }) if is_for_now => {
                CallError::NoAnswer(format!("{}: {detail} ({code})", self.url))
            }
            Some(Problem { code, detail, .. }) => CallError::Refused { code, detail },
            None if is_for_now => CallError::NoAnswer(format!("{}: status {status}", self.url)),
            None => CallError::Stranger(self.url.to_string(), status.as_u16()),
        };
        if is_for_now {
            let wait = callout::retry_after(headers, self.clock.now());
            Failed::ForNow {
                error,
                at_least: wait.unwrap_or_default().min(LONGEST_WAIT),
                may_be_done,
            }
        } else {
            Failed::ForGood(error)
        }
    }
}
