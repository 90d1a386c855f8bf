//! What a socket was handed and its connection has not taken yet.
//!
//! socketioxide counts packets, not bytes: 128 of them may be pages of history.
//! How much has left is seen from outside only: by the bytes that the connection
//! wrote, or by the answers to polls.

use crate::events::session::Session;
use crate::transport::Flow;

/// Bytes on their way beyond which nothing more is handed over. One packet may
/// exceed it.
const MOST_ON_THE_WAY: usize = 16 * 1024;

/// Bytes on their way through the library.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: usize,
    /// How far the connection was when `bytes` was right.
    at: Flow,
    moved: bool,
}

impl Backlog {
    /// A packet was handed over.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Whether what was handed over has to leave first; to be asked before a packet
    /// is, which may have left when that returns.
    pub(super) fn is_full(&mut self, session: &Session) -> bool {
        if self.bytes == 0 {
            self.at = session.flow();
        }
        if self.bytes < MOST_ON_THE_WAY {
            return false;
        }
        let now = session.flow();
        let left = now.since(self.at);
        self.moved |= left > 0;
        self.at = now;
        // framing is written, too, and not counted: less is on its way than is believed
        self.bytes = self.bytes.saturating_sub(left);
        self.bytes >= MOST_ON_THE_WAY
    }

    /// Whether anything has left since the last time this was asked.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }
}
