//! Bytes on their way through a proxy, each piece with the time it is due.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::time::Instant;

use super::fault::Flow;

/// How much may be on its way in one direction of a connection, in bytes.
const CAPACITY: usize = 256 * 1024;
/// Pieces per second of a throttled direction.
const PIECES_PER_SECOND: u32 = 50;

struct Piece {
    due: Instant,
    bytes: Bytes,
}

/// Ordered pieces; a piece is never due before the one in front of it.
pub(super) struct Queue {
    pieces: VecDeque<Piece>,
    size: usize,
    last_due: Instant,
    random: fastrand::Rng,
}

impl Queue {
    pub(super) fn new(random: fastrand::Rng) -> Self {
        Self {
            pieces: VecDeque::new(),
            size: 0,
            last_due: Instant::now(),
            random,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.size < CAPACITY
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The next piece and when it is due.
    pub(super) fn front(&self) -> Option<(Instant, Bytes)> {
        let front = self.pieces.front()?;
        Some((front.due, front.bytes.clone()))
    }

    /// Takes `count` bytes off the next piece.
    pub(super) fn advance(&mut self, count: usize) {
        let Some(front) = self.pieces.front_mut() else {
            return;
        };
        front.bytes.advance(count);
        self.size -= count;
        if front.bytes.is_empty() {
            self.pieces.pop_front();
        }
    }

    /// Puts bytes behind the others, as `flow` wants them.
    pub(super) fn push(&mut self, mut bytes: Bytes, flow: Flow) {
        let now = Instant::now();
        match flow {
            Flow::Pass | Flow::Stall | Flow::Blackhole => self.push_at(now, bytes),
            Flow::Delay { by, jitter } => {
                let part = jitter.mul_f64(self.random.f64());
                self.push_at(now + by + part, bytes);
            }
            Flow::Throttle(rate) => {
                let rate = rate.max(1);
                let size = (rate / PIECES_PER_SECOND).max(1);
                while !bytes.is_empty() {
                    let piece = bytes.split_to(bytes.len().min(size as usize));
                    let took = Duration::from_secs(piece.len() as u64) / rate;
                    let due = self.last_due.max(now) + took;
                    self.push_at(due, piece);
                }
            }
            Flow::Slices => {
                while !bytes.is_empty() {
                    let piece = bytes.split_to(1);
                    self.push_at(now, piece);
                }
            }
        }
    }

    /// Makes everything due now: the flow has changed.
    pub(super) fn hurry(&mut self) {
        let now = Instant::now();
        for piece in &mut self.pieces {
            piece.due = piece.due.min(now);
        }
        self.last_due = now;
    }

    /// Drops everything; returns whether there was anything.
    pub(super) fn clear(&mut self) -> bool {
        self.size = 0;
        let any = !self.is_empty();
        self.pieces.clear();
        any
    }

    fn push_at(&mut self, due: Instant, bytes: Bytes) {
        let due = due.max(self.last_due);
        self.last_due = due;
        self.size += bytes.len();
        self.pieces.push_back(Piece { due, bytes });
    }
}
