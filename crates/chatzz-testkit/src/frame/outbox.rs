//! The packets that a transport has to write, and how its tasks are frozen.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::CancellationToken;

/// A command to the writing task of a transport.
pub(super) enum Outgoing {
    /// Send this Engine.IO packet.
    Packet(String),
    /// Send what is queued, then close the transport in the orderly way.
    Close,
}

/// Runs a task of a transport until the token freezes it where it is.
///
/// A frozen task is neither polled nor dropped: its sockets stay open, unread.
pub(super) async fn freezable<F: Future<Output = ()> + Send>(silent: CancellationToken, task: F) {
    let mut task = pin!(task);
    tokio::select! {
        biased;
        () = silent.cancelled() => std::future::pending().await,
        () = &mut task => {}
    }
}

/// The packets that a transport has to write, with the pings of Engine.IO 3 in between.
pub(super) struct Outbox {
    queue: mpsc::UnboundedReceiver<Outgoing>,
    pings: Option<Interval>,
    ended: CancellationToken,
}

impl Outbox {
    /// An empty outbox and the sender for its packets.
    pub(super) fn new(
        ping_every: Option<Duration>,
        ended: CancellationToken,
    ) -> (mpsc::UnboundedSender<Outgoing>, Self) {
        let (sender, queue) = mpsc::unbounded_channel();
        let pings = ping_every.map(|every| interval_at(Instant::now() + every, every));
        let outbox = Self {
            queue,
            pings,
            ended,
        };
        (sender, outbox)
    }

    /// The next command; after the end of the connection always to close.
    pub(super) async fn next(&mut self) -> Outgoing {
        let ping = async {
            match &mut self.pings {
                Some(pings) => pings.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.ended.cancelled() => Outgoing::Close,
            order = self.queue.recv() => order.unwrap_or(Outgoing::Close),
            _ = ping => Outgoing::Packet("2".to_owned()),
        }
    }

    /// A command that is available already.
    pub(super) fn try_next(&mut self) -> Option<Outgoing> {
        self.queue.try_recv().ok()
    }
}
