//! Events of one socket, in the order they came.

use std::collections::VecDeque;

use socketioxide_core::Value;
use tokio::time::Instant;

/// Most bytes of events that wait in one socket's queue, 4 MiB.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// One event, as it came.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) value: Value,
    pub(super) ack: Option<i64>,
    pub(super) since: Instant,
}

impl Incoming {
    pub(super) fn bytes(&self) -> usize {
        match &self.value {
            Value::Str(text, attachments) => {
                let attachments = attachments.iter().flatten().map(bytes::Bytes::len);
                text.len() + attachments.sum::<usize>()
            }
            Value::Bytes(bytes) => bytes.len(),
        }
    }
}

/// The queue, and whether somebody works it off.
#[derive(Debug, Default)]
pub(super) struct Fifo {
    events: VecDeque<Incoming>,
    bytes: usize,
    working: bool,
    ended: bool,
}

/// What became of an event that came.
pub(super) enum Queued {
    /// It waits behind others.
    Behind,
    /// It is the first: somebody has to start working.
    First,
    /// It is one too many.
    Full(Incoming),
}

impl Fifo {
    pub(super) fn push(&mut self, event: Incoming, most: usize) -> Queued {
        if self.ended {
            return Queued::Behind;
        }
        if self.events.len() >= most || self.bytes + event.bytes() > MOST_BYTES {
            return Queued::Full(event);
        }
        self.bytes += event.bytes();
        self.events.push_back(event);
        if std::mem::replace(&mut self.working, true) {
            Queued::Behind
        } else {
            Queued::First
        }
    }

    /// Lets go of what waits and of what is yet to come: the client logged out.
    ///
    /// `true` for the first who says so.
    pub(super) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// Whether nothing more is taken.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next event; `None` ends the work.
    pub(super) fn pop(&mut self) -> Option<Incoming> {
        let next = self.events.pop_front().filter(|_| !self.ended);
        if let Some(event) = &next {
            self.bytes -= event.bytes();
        } else {
            self.working = false;
            self.events = VecDeque::new();
            self.bytes = 0;
        }
        next
    }

    /// Whether events wait or one is being worked on.
    pub(super) fn is_busy(&self) -> bool {
        self.working
    }
}
