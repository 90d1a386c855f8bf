//! What a socket was handed and its connection has not taken yet.
//!
//! socketioxide counts packets, not bytes: 128 of them may be pages of history.
//! How much has left is seen from outside only: by the bytes that the connection
//! wrote, or by the answers to polls.

use crate::socket::connection::session::{Mark, Session};
use crate::transport::Flow;

/// Most bytes on their way. One packet may exceed it, once next to nothing else is.
const MAX_ON_THE_WAY: usize = 64 * 1024;
/// Bytes that are next to nothing. The library keeps what it writes in a buffer as
/// large as it ever was: with the second of two large packets it would be twice that.
const NEXT_TO_NOTHING: usize = 16 * 1024;

/// Bytes on their way through the library.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: usize,
    /// How far the connection was when `bytes` was right.
    at: Flow,
}

impl Backlog {
    /// A packet was handed over.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// What is on its way now.
    pub(super) fn mark(&self, session: &Session) -> Mark {
        let flow = match session.flow() {
            // each answered poll takes all that waits
            polls @ Flow::Polls(_) => polls,
            Flow::Bytes(_) => self.at,
        };
        let bytes = self.bytes;
        Mark { flow, bytes }
    }

    /// Whether a packet of so many bytes fits, or what was handed over has to leave
    /// first; to be asked before the packet is, which may have left when that returns.
    pub(super) fn has_room(&mut self, bytes: usize, session: &Session) -> bool {
        if self.bytes == 0 {
            self.at = session.flow();
        }
        if self.fits(bytes) {
            return true;
        }
        self.update(session);
        self.fits(bytes)
    }

    /// Whether everything that was handed over has left, as far as can be seen.
    pub(super) fn has_left(&mut self, session: &Session) -> bool {
        self.update(session);
        self.bytes == 0
    }

    fn update(&mut self, session: &Session) {
        let now = session.flow();
        let left = now.since(self.at);
        self.at = now;
        // framing is written, too, and not counted: less is on its way than is believed
        self.bytes = self.bytes.saturating_sub(left);
    }

    fn fits(&self, bytes: usize) -> bool {
        self.bytes < NEXT_TO_NOTHING || self.bytes + bytes <= MAX_ON_THE_WAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_packet_waits_for_another_large_one_and_a_small_one_does_not() {
        let small = 100;
        let large = 100 * 1024;
        let behind = |bytes| Backlog {
            bytes,
            ..Backlog::default()
        };
        assert!(behind(0).fits(large));
        assert!(behind(NEXT_TO_NOTHING - 1).fits(large));
        assert!(!behind(NEXT_TO_NOTHING).fits(large));
        assert!(behind(40 * 1024).fits(small));
        assert!(!behind(large).fits(small));
    }
}
