//! Events of one socket, in the order they came.

use std::collections::VecDeque;

use socketioxide_core::Value;
use tokio::time::Instant;

/// Most bytes of events that wait in one socket's queue, 4 MiB.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// One event, as it came.
#[derive(Debug)]
pub(in crate::socket) struct Incoming {
    pub(in crate::socket) value: Value,
    pub(in crate::socket) ack: Option<i64>,
    pub(in crate::socket) since: Instant,
}

impl Incoming {
    pub(in crate::socket) fn bytes(&self) -> usize {
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
pub(in crate::socket) struct Fifo {
    events: VecDeque<Incoming>,
    bytes: usize,
    working: bool,
    ended: bool,
}

/// What became of an event that came.
pub(in crate::socket) enum Queued {
    /// It waits behind others.
    Waiting,
    /// It is the first: somebody has to start working.
    First,
    /// It is one too many.
    Full(Incoming),
}

impl Fifo {
    pub(in crate::socket) fn push(&mut self, event: Incoming, most: usize) -> Queued {
        if self.ended {
            return Queued::Waiting;
        }
        if self.events.len() >= most || self.bytes + event.bytes() > MAX_BYTES {
            return Queued::Full(event);
        }
        self.bytes += event.bytes();
        self.events.push_back(event);
        if std::mem::replace(&mut self.working, true) {
            Queued::Waiting
        } else {
            Queued::First
        }
    }

    /// Lets go of what waits and of what is yet to come: the client logged out.
    ///
    /// `true` for the first who says so.
    pub(in crate::socket) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// Whether nothing more is taken.
    pub(in crate::socket) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next event; `None` ends the work.
    pub(in crate::socket) fn pop(&mut self) -> Option<Incoming> {
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
}
