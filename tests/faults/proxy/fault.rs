//! What a proxy can do to a link.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
}

impl Direction {
    pub(super) fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

/// How the bytes of one direction are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    /// As they come.
    #[default]
    Pass,
    /// Later by `by` plus a random part of `jitter`; the order is kept, and bandwidth is not limited.
    Delay {
        /// The least delay.
        by: Duration,
        /// The most that is added to it.
        jitter: Duration,
    },
    /// At most this many bytes per second and connection, at least 1.
    Throttle(u32),
    /// Each byte in a write of its own (`TCP_NODELAY` is on).
    Slices,
    /// Nothing is read and nothing written: what is sent piles up in the buffers of its sender.
    ///
    /// Both directions stalled are a partition that heals without a loss.
    Stall,
    /// Everything is read and swallowed, also the end of the stream.
    ///
    /// A connection that lost bytes this way is reset when the flow changes: TCP never goes on
    /// behind a hole. A new one is accepted without asking the target while `Up` is a black hole.
    Blackhole,
}

/// Which replies of a `mongod` are lost; only for a link opened with [`Options::mongo`].
///
/// The request reaches the target and the reply leaves it. The reply is swallowed, and the
/// connection reset once the reply was there whole: it was executed, and nobody knows.
///
/// [`Options::mongo`]: super::Options::mongo
#[derive(Clone, Debug)]
pub(crate) struct LostReplies {
    /// Names of commands as in the driver's documents (`insert`); none stands for everything.
    pub(crate) commands: Vec<&'static str>,
    /// How many matching replies pass before the first is lost.
    pub(crate) skip: u64,
    /// How many are lost then; after these, replies pass again.
    pub(crate) times: u64,
    /// How long after the lost reply the connection lasts, silent.
    pub(crate) reset_after: Duration,
}

impl LostReplies {
    /// The next `times` replies to these commands, the connection reset at once.
    pub(crate) fn next(times: u64, commands: &[&'static str]) -> Self {
        Self {
            commands: commands.to_vec(),
            skip: 0,
            times,
            reset_after: Duration::ZERO,
        }
    }

    /// Every reply to anything from now on, the connection reset after `reset_after`.
    pub(crate) fn all(reset_after: Duration) -> Self {
        Self {
            commands: Vec::new(),
            skip: 0,
            times: u64::MAX,
            reset_after,
        }
    }
}

/// What every connection of a link watches.
///
/// The numbers count orders: a connection obeys those given after it was opened.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) target: SocketAddr,
    pub(super) refuse: bool,
    pub(super) flows: [Flow; 2],
    pub(super) resets: u64,
    pub(super) half_closes: [u64; 2],
    pub(super) cuts: [(u64, RangeInclusive<u64>); 2],
}

impl Settings {
    pub(super) fn new(target: SocketAddr) -> Self {
        Self {
            target,
            refuse: false,
            flows: [Flow::Pass; 2],
            resets: 0,
            half_closes: [0; 2],
            cuts: [(0, 0..=0), (0, 0..=0)],
        }
    }

    pub(super) fn flow(&self, direction: Direction) -> Flow {
        self.flows[direction.index()]
    }
}
