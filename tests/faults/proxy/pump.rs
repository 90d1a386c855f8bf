//! One direction of one connection.

use std::io;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::fault::{Direction, Flow, Settings};
use super::link::Link;
use super::mongo::Tap;
use super::queue::Queue;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Why a connection ends with a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The link was reset deliberately.
    OnPurpose,
    /// One of the two ends has closed; the other is to see the same.
    ByAnEnd,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::ByAnEnd
    }
}

/// Carries the bytes of one direction as the link's settings say.
pub(super) struct Pump<'a> {
    pub(super) direction: Direction,
    pub(super) from: ReadHalf<'a>,
    pub(super) to: WriteHalf<'a>,
    pub(super) settings: watch::Receiver<Settings>,
    pub(super) link: &'a Link,
    pub(super) tap: Option<&'a Mutex<Tap>>,
    pub(super) random: fastrand::Rng,
}

/// Where a pump stands.
struct State {
    /// The settings obeyed last.
    obeyed: Settings,
    queue: Queue,
    /// The sender has ended the stream.
    ended: bool,
    /// The receiver was notified that the stream ended; what still arrives is swallowed.
    shut: bool,
    /// A black hole swallowed something.
    swallowed: bool,
    /// How many more bytes pass before the reset of a cut.
    left: Option<u64>,
    /// When to reset the connection because of a lost reply; nothing passes until then.
    doom: Option<Instant>,
}

impl Pump<'_> {
    /// Runs until the end of the stream was passed on.
    pub(super) async fn run(mut self, opened: Settings) -> Result<(), Broken> {
        let mut state = State {
            obeyed: opened,
            queue: Queue::new(self.random.fork()),
            ended: false,
            shut: false,
            swallowed: false,
            left: None,
            doom: None,
        };
        let mut buffer = vec![0; CHUNK];
        self.settings.mark_changed();
        loop {
            let flow = state.obeyed.flow(self.direction);
            if state.ended && state.queue.is_empty() && flow != Flow::Blackhole {
                if !state.shut {
                    self.to.shutdown().await?;
                }
                return Ok(());
            }
            let open = flow != Flow::Stall;
            let reads = open && !state.ended && state.queue.has_room();
            let front = state.queue.front().filter(|_| open);
            let doom = state.doom;
            tokio::select! {
                biased;
                changed = self.settings.changed() => {
                    // A closed link has nothing more to send; its tasks are being ended.
                    changed.map_err(|_| Broken::ByAnEnd)?;
                    self.obey(&mut state).await?;
                }
                () = until(doom), if doom.is_some() && state.queue.is_empty() => return Err(Broken::OnPurpose),
                written = write(&mut self.to, front.as_ref(), state.left), if front.is_some() => {
                    let written = written?;
                    state.queue.advance(written);
                    state.left = state.left.map(|left| left.saturating_sub(written as u64));
                    if state.left == Some(0) {
                        return Err(Broken::OnPurpose);
                    }
                }
                read = self.from.read(&mut buffer), if reads => {
                    let read = read?;
                    self.take(&mut state, flow, &buffer[..read])?;
                }
            }
        }
    }

    /// Does what the settings ask for now and did not before.
    async fn obey(&mut self, state: &mut State) -> Result<(), Broken> {
        let settings = self.settings.borrow_and_update().clone();
        let index = self.direction.index();
        let before = std::mem::replace(&mut state.obeyed, settings.clone());
        if settings.resets > before.resets {
            return Err(Broken::OnPurpose);
        }
        if settings.flows[index] != before.flows[index] {
            if state.swallowed {
                return Err(Broken::OnPurpose);
            }
            state.queue.hurry();
        }
        if settings.flows[index] == Flow::Blackhole {
            state.swallowed |= state.queue.clear();
        }
        let (cut, range) = &settings.cuts[index];
        if *cut > before.cuts[index].0 {
            state.left = Some(self.random.u64(range.clone()));
            if state.left == Some(0) {
                return Err(Broken::OnPurpose);
            }
        }
        if settings.half_closes[index] > before.half_closes[index] && !state.shut {
            state.shut = true;
            state.queue.clear();
            self.to.shutdown().await?;
        }
        Ok(())
    }

    /// Takes in what was read; nothing stands for the end of the stream.
    fn take(&self, state: &mut State, flow: Flow, read: &[u8]) -> Result<(), Broken> {
        state.ended = read.is_empty();
        let mut passed = Bytes::new();
        if let Some(tap) = self.tap {
            match self.direction {
                Direction::Up => tap.lock().requests(read),
                Direction::Down if state.doom.is_none() => {
                    let verdict = tap.lock().replies(read, self.link);
                    state.doom = verdict.lost.map(|after| Instant::now() + after);
                    passed = verdict.pass.into();
                }
                Direction::Down => {}
            }
        }
        if self.tap.is_none() || self.direction == Direction::Up {
            passed = Bytes::copy_from_slice(read);
        }
        if flow == Flow::Blackhole {
            state.swallowed = true;
        } else if !state.shut && !passed.is_empty() {
            state.queue.push(passed, flow);
        }
        if state.doom.is_some() && state.ended {
            return Err(Broken::OnPurpose);
        }
        Ok(())
    }
}

async fn until(instant: Option<Instant>) {
    if let Some(instant) = instant {
        sleep_until(instant).await;
    }
}

/// Writes some of the next piece once it is due, at most `left` bytes.
async fn write(
    to: &mut WriteHalf<'_>,
    front: Option<&(Instant, Bytes)>,
    left: Option<u64>,
) -> io::Result<usize> {
    let Some((due, bytes)) = front else {
        return Ok(0);
    };
    if *due > Instant::now() {
        sleep_until(*due).await;
    }
    let left = left.map_or(usize::MAX, |left| {
        usize::try_from(left).unwrap_or(usize::MAX)
    });
    let count = bytes.len().min(left);
    to.write(&bytes[..count]).await
}
