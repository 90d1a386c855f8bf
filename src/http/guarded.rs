//! One TCP connection, which other tasks can close, and which does not wait for a peer
//! that has stopped reading, or that sends no request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::pace::Pace;
use crate::limits::Slot;
use crate::transport::Transport;

/// A stream that ends when its [`Transport`] is closed, or when a write waits for the
/// peer for longer than the stall time.
pub(super) struct Guarded {
    stream: TcpStream,
    transport: Transport,
    /// One for each direction: a future wakes the task that polled it last.
    closed: [Pin<Box<WaitForCancellationFutureOwned>>; 2],
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    pace: Pace,
    overdue: Option<Pin<Box<Sleep>>>,
    /// Its slots among the bounded numbers, freed with it: an upgraded stream outlives
    /// the HTTP connection.
    _slot: (OwnedSemaphorePermit, Option<Slot>),
}

impl Guarded {
    pub(super) fn new(
        stream: TcpStream,
        transport: Transport,
        stall: Duration,
        pace: Pace,
        slot: (OwnedSemaphorePermit, Option<Slot>),
    ) -> Self {
        let closed = [(); 2].map(|()| Box::pin(transport.closed()));
        Self {
            stream,
            transport,
            closed,
            stall,
            stalled: None,
            pace,
            overdue: None,
            _slot: slot,
        }
    }

    fn count(&self, wrote: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = wrote {
            self.transport.written.add(*bytes);
            self.pace.wrote();
        }
    }

    /// Whether what is waited for has not come in time.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        self.pace.wake_later(cx.waker());
        let Some(deadline) = self.pace.deadline() else {
            self.overdue = None;
            return false;
        };
        let sleep = || Box::pin(tokio::time::sleep_until(deadline));
        let overdue = self.overdue.get_or_insert_with(sleep);
        if overdue.deadline() != deadline {
            overdue.as_mut().reset(deadline);
        }
        overdue.as_mut().poll(cx).is_ready() && Instant::now() >= deadline
    }

    /// Returns the result of a write, and gives up on a peer that accepts nothing.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let [_, closed] = &mut self.closed;
        if closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let stall = self.stall;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(stalled.as_mut().poll(cx));
        // reads must fail as well: socketioxide ignores a write error
        self.transport.close();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let [closed, _] = &mut self.closed;
        if closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            if buf.filled().len() > before {
                self.pace.read();
                self.transport.hear();
            } else if buf.remaining() > 0 {
                // the client is gone: a write must not wait for it, because the library
                // ends a session only when its writer has finished
                self.transport.close();
            }
            return read;
        }
        if self.is_overdue(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.transport.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(&wrote);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.transport.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(&wrote);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, shut)
    }
}
