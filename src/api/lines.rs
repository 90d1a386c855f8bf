//! Answers of many lines, NDJSON: written while they are made, so that none of them needs
//! more memory than a few chunks, however long it is.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::StatusCode;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::timeout;
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
/// How long whoever reads may take nothing.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the lines of an answer go.
pub(super) struct Lines {
    chunks: mpsc::Sender<Bytes>,
    chunk: BytesMut,
}

/// Nobody reads any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread;

impl Lines {
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
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = self.chunk.split().freeze();
        match timeout(PATIENCE, self.chunks.send(chunk)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Unread),
        }
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
            lines: Lines {
                chunks,
                chunk: BytesMut::new(),
            },
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
