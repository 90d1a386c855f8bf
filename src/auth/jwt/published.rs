//! Keys that the login service publishes and changes.
//!
//! They are read again every `CHATZZ_JWT_JWKS_REFRESH`, and at once when a token names an
//! unknown key, at most every 5 s. While they cannot be read, the known keys stay valid.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::KeySet;
use crate::auth::AuthStartError;
use crate::callout::{self, FetchError, IDLE_CONNECTIONS};
use crate::config::ServiceUrl;
use crate::service::Error;

/// Shortest time between two reads that tokens cause.
const PAUSE: Duration = Duration::from_secs(5);
/// How long one read may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Most bytes of a JWKS.
const MAX_BYTES: usize = 256 * 1024;
/// Pause after a failed read; each further failure doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest pause after a failed read.
const LAST_RETRY: Duration = Duration::from_mins(1);

/// Keys that are read again and again.
#[derive(Debug)]
pub(super) struct Published {
    source: Source,
    accepted: Vec<Algorithm>,
    every: Duration,
    current: RwLock<Option<Arc<KeySet>>>,
    /// The last read; locked while one is in progress, so that there is only one.
    last: Mutex<Option<Look>>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(reqwest::Client, ServiceUrl),
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    failed: bool,
}

impl Published {
    /// The keys of a file, which must exist.
    pub(super) async fn in_file(
        path: &Path,
        accepted: Vec<Algorithm>,
        every: Duration,
    ) -> Result<Self, AuthStartError> {
        let published = Self::new(Source::File(path.to_owned()), accepted, every);
        let read = published.read().await;
        let keys =
            read.map_err(|error| AuthStartError::new("CHATZZ_JWT_JWKS_FILE", error.to_string()))?;
        *published.current.write() = Some(Arc::new(keys));
        Ok(published)
    }

    /// The keys of a URL. It may be unavailable: logins are then refused as `unavailable`
    /// until it answers.
    pub(super) async fn at_url(
        url: &ServiceUrl,
        accepted: Vec<Algorithm>,
        every: Duration,
    ) -> Result<Self, AuthStartError> {
        let client = callout::client(url, TIMEOUT, IDLE_CONNECTIONS).map_err(|_| {
            let why = "no request can be made: the system's root certificates cannot be read";
            AuthStartError::new("CHATZZ_JWT_JWKS_URL", why)
        })?;
        let published = Self::new(Source::Url(client, url.clone()), accepted, every);
        published.look(&mut *published.last.lock().await).await;
        Ok(published)
    }

    fn new(source: Source, accepted: Vec<Algorithm>, every: Duration) -> Self {
        Self {
            source,
            accepted,
            every,
            current: RwLock::new(None),
            last: Mutex::new(None),
        }
    }

    /// The known keys; `None` before the first successful read.
    pub(super) fn current(&self) -> Option<Arc<KeySet>> {
        self.current.read().clone()
    }

    /// Reads again for an unknown key, unless another token caused a read a moment ago.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that failed: the key may exist.
    pub(super) async fn look_again(&self) -> Result<Arc<KeySet>, Error> {
        let mut last = self.last.lock().await;
        let recent = last.filter(|look| look.at.elapsed() < PAUSE);
        let failed = match recent {
            Some(look) => look.failed,
            None => self.look(&mut last).await,
        };
        if failed {
            return Err(Error::Unavailable);
        }
        self.current().ok_or(Error::Unavailable)
    }

    /// Reads the keys again and again until cancelled.
    pub(super) async fn keep(&self, cancelled: CancellationToken) {
        let mut retry = FIRST_RETRY;
        loop {
            let failed = self.last.lock().await.is_some_and(|look| look.failed);
            let pause = if failed {
                retry.min(self.every)
            } else {
                self.every
            };
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            let failed = self.look(&mut *self.last.lock().await).await;
            retry = if failed {
                (retry * 2).min(LAST_RETRY)
            } else {
                FIRST_RETRY
            };
        }
    }

    /// Reads the keys now; whether that failed.
    async fn look(&self, last: &mut Option<Look>) -> bool {
        let read = self.read().await;
        let before = last.replace(Look {
            at: Instant::now(),
            failed: read.is_err(),
        });
        match read {
            Ok(keys) => {
                if before.is_some_and(|look| look.failed) {
                    tracing::info!(place = %self.source, "the public keys can be read again");
                }
                *self.current.write() = Some(Arc::new(keys));
                false
            }
            Err(error) => {
                let known = self.current.read().is_some();
                tracing::warn!(
                    place = %self.source,
                    error = &error as &dyn std::error::Error,
                    "the public keys cannot be read; {}",
                    if known { "those that are known stay good" } else { "nobody can log in" }
                );
                true
            }
        }
    }

    async fn read(&self) -> Result<KeySet, FetchError> {
        let json = match &self.source {
            Source::File(path) => tokio::fs::read(path)
                .await
                .map_err(|error| FetchError::Unusable(error.to_string()))?,
            Source::Url(client, url) => {
                let response = client.get(url.url().clone()).send().await?;
                match response.status() {
                    http::StatusCode::OK => callout::body(response, MAX_BYTES).await?,
                    status => return Err(FetchError::Status(status.as_u16())),
                }
            }
        };
        KeySet::parse(&json, &self.accepted).map_err(FetchError::Unusable)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(_, url) => url.fmt(f),
        }
    }
}
