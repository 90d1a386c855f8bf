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
    intake: Intake,
}

/// What is done with events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Intake {
    /// They are taken and handled.
    #[default]
    Open,
    /// None is taken any more; those that wait are handled.
    Closed,
    /// Nor are those handled that wait.
    Ended,
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
        if self.is_closed() {
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

    /// Takes nothing more: what waits is still handled. `true` for the first who closes or
    /// ends it.
    pub(in crate::socket) fn close(&mut self) -> bool {
        let first = !self.is_closed();
        if first {
            self.intake = Intake::Closed;
        }
        first
    }

    /// Takes nothing more, and lets go of what waits: the client logged out. `true` for the
    /// first who closes or ends it.
    pub(in crate::socket) fn end(&mut self) -> bool {
        let before = std::mem::replace(&mut self.intake, Intake::Ended);
        before == Intake::Open
    }

    /// Whether nothing more is taken.
    pub(in crate::socket) fn is_closed(&self) -> bool {
        self.intake != Intake::Open
    }

    /// Whether an event waits or is at work.
    pub(in crate::socket) fn is_working(&self) -> bool {
        self.working
    }

    /// Takes the next event; `None` ends the work.
    pub(in crate::socket) fn pop(&mut self) -> Option<Incoming> {
        let goes_on = self.intake != Intake::Ended;
        let next = self.events.pop_front().filter(|_| goes_on);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Incoming {
        Incoming {
            value: Value::Str("[]".into(), None),
            ack: None,
            since: Instant::now(),
        }
    }

    #[test]
    fn what_waits_is_handled_after_a_close_and_not_after_an_end() {
        let mut fifo = Fifo::default();
        for _ in 0..3 {
            fifo.push(event(), 9);
        }

        assert!(fifo.close());
        fifo.push(event(), 9);

        assert!(fifo.pop().is_some() && fifo.pop().is_some());
        assert!(fifo.is_working());
        assert!(!fifo.end(), "it was closed before");
        assert!(fifo.pop().is_none() && !fifo.is_working());
    }
}
