//! Answers of many lines, NDJSON: written while they are made, so that none of them needs
//! more memory than a few chunks, however long it is.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::StatusCode;
use serde::Serialize;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use super::problem::Problem;
use super::{Answered, Api, Call, Reply};
use crate::service::Error;
use crate::wire::rendered;

/// The media type of such an answer, and of a body of many lines.
pub(super) const MEDIA_TYPE: &str = "application/x-ndjson";

/// Bytes that are sent at once.
const CHUNK: usize = 32 * 1_024;
/// Chunks that wait for whoever reads.
const WAITING: usize = 4;
/// How long whoever reads may take for a chunk. One that takes no byte at all is cut off
/// before, after `CHATZZ_STALL_TIMEOUT`.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long an answer may wait for whoever reads, again and again.
const LONGEST: Duration = Duration::from_mins(15);

/// Where the lines of an answer go.
pub(super) struct Lines {
    chunks: mpsc::Sender<Bytes>,
    chunk: BytesMut,
    patience: Duration,
    /// Until when it may wait.
    until: Instant,
    /// Why nothing is sent any more.
    unread: Option<Unread>,
}

/// Nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The connection has ended.
    Ended,
    /// Too little is read, or for too long.
    Slow,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "cut off, as the connection ended or nothing was read",
            Self::Slow => "cut off, as it was read too slowly",
        })
    }
}

impl Lines {
    fn new(chunks: mpsc::Sender<Bytes>, patience: Duration, longest: Duration) -> Self {
        Self {
            chunks,
            chunk: BytesMut::new(),
            patience,
            until: Instant::now() + longest,
            unread: None,
        }
    }

    /// Writes a line. It is on its way once there are some of them, or at
    /// [`Lines::flush`].
    pub(super) async fn write(&mut self, line: &(impl Serialize + Sync)) -> Result<(), Unread> {
        self.chunk.put_slice(rendered(line).get().as_bytes());
        self.chunk.put_u8(b'\n');
        if self.chunk.len() < CHUNK {
            return Ok(());
        }
        self.flush().await
    }

    /// Sends what was written, waiting for whoever reads.
    pub(super) async fn flush(&mut self) -> Result<(), Unread> {
        let chunk = self.chunk.split().freeze();
        if let Some(unread) = self.unread {
            return Err(unread);
        }
        if chunk.is_empty() {
            return Ok(());
        }
        let sent = match self.chunks.try_send(chunk) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => Err(Unread::Ended),
            Err(TrySendError::Full(chunk)) => {
                let until = self.until.min(Instant::now() + self.patience);
                let sending = self.chunks.send(chunk);
                let sent = timeout_at(until, sending).await;
                sent.map_or(Err(Unread::Slow), |sent| sent.map_err(|_| Unread::Ended))
            }
        };
        self.unread = sent.err();
        sent
    }

    /// Sends a line if there is room for it now: what it says is not worth waiting for.
    pub(super) fn offer(&mut self, line: &impl Serialize) {
        let mut chunk = BytesMut::from(rendered(line).get().as_bytes());
        chunk.put_u8(b'\n');
        // who does not read does not need it
        let _ = self.chunks.try_send(chunk.freeze());
    }
}

/// What a call with such an answer works with.
pub(super) struct Work {
    pub(super) api: Arc<Api>,
    pub(super) lines: Lines,
}

impl Call {
    /// Answers with the lines that `write` makes. It returns what the log says of it.
    ///
    /// A stop waits for it; it has to look whether there is one.
    pub(super) fn in_lines<F>(
        self,
        write: impl FnOnce(Work) -> F + Send + 'static,
    ) -> Result<Reply, Problem>
    where
        F: Future<Output = String> + Send + 'static,
    {
        let streams = Arc::clone(&self.api.streams);
        let stream = streams.try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let under_way = self.api.operator.begin().ok_or(Error::Unavailable)?;
        let (chunks, mut sent) = mpsc::channel(WAITING);
        let work = Work {
            api: Arc::clone(&self.api),
            lines: Lines::new(chunks, PATIENCE, LONGEST),
        };
        let about = self.id.clone();
        let span = tracing::debug_span!("api.lines", call = self.name);
        let working = async move {
            let ended = write(work).await;
            let (key, call) = (self.key.name(), self.name);
            tracing::info!(key, call, about = self.id, ended, "API call ended");
            drop((stream, under_way, self.place));
        };
        // to an end of its own, whoever reads
        tokio::spawn(working.instrument(span));
        let chunks = futures::stream::poll_fn(move |context| {
            let chunk = sent.poll_recv(context);
            chunk.map(|chunk| chunk.map(Ok::<_, Infallible>))
        });
        Ok(Reply {
            status: StatusCode::OK,
            body: Answered::Lines(Body::from_stream(chunks)),
            about,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(200);
    const NEVER: Duration = Duration::from_hours(1);

    /// One line is a chunk.
    async fn write(lines: &mut Lines) -> Result<(), Unread> {
        lines.write(&"x".repeat(CHUNK)).await
    }

    async fn fill(lines: &mut Lines) {
        for _ in 0..WAITING {
            write(lines).await.unwrap();
        }
    }

    #[tokio::test]
    async fn who_takes_nothing_is_waited_for_once_and_not_again() {
        let (chunks, _unread) = mpsc::channel(WAITING);
        let mut lines = Lines::new(chunks, SOON, NEVER);
        fill(&mut lines).await;

        let began = Instant::now();
        assert_eq!(write(&mut lines).await, Err(Unread::Slow));
        for _ in 0..50 {
            assert_eq!(write(&mut lines).await, Err(Unread::Slow));
        }

        assert!((SOON..SOON * 10).contains(&began.elapsed()));
    }

    #[tokio::test]
    async fn who_takes_a_little_now_and_then_is_not_waited_for_without_end() {
        let (chunks, mut taken) = mpsc::channel(WAITING);
        let mut lines = Lines::new(chunks, NEVER, SOON);
        fill(&mut lines).await;
        let reading = tokio::spawn(async move {
            while taken.recv().await.is_some() {
                tokio::time::sleep(SOON / 10).await;
            }
        });

        let began = Instant::now();
        let ended = loop {
            if let Err(unread) = write(&mut lines).await {
                break unread;
            }
        };

        assert_eq!(ended, Unread::Slow);
        assert!(began.elapsed() < SOON * 10, "{:?}", began.elapsed());
        drop(lines);
        reading.await.unwrap();
    }

    #[tokio::test]
    async fn who_reads_as_fast_as_it_comes_may_take_as_long_as_it_takes() {
        let (chunks, mut taken) = mpsc::channel(WAITING);
        let mut lines = Lines::new(chunks, NEVER, Duration::ZERO);
        for _ in 0..WAITING * 3 {
            write(&mut lines).await.unwrap();
            taken.recv().await.unwrap();
        }
        drop(taken);
        assert_eq!(write(&mut lines).await, Err(Unread::Ended));
    }
}
