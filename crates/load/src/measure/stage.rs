//! One run: its clock, its warm-up, its window, its progress line.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use super::process::{Cpu, Watched};

/// How long to run.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Seconds of load before anything counts
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up: f64,
    /// Seconds that count
    #[arg(long, default_value_t = 8.0)]
    pub(crate) seconds: f64,
}

/// The run that everybody takes part in.
///
/// Times are microseconds since it was made.
#[derive(Debug)]
pub(crate) struct Stage {
    mode: &'static str,
    epoch: Instant,
    from: AtomicU64,
    until: AtomicU64,
    done: AtomicU64,
}

/// What was used while it counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// How long it counted.
    pub(crate) seconds: f64,
    /// Processor time used meanwhile.
    pub(crate) cpu: Cpu,
}

impl Stage {
    /// A run that has not begun.
    pub(crate) fn new(mode: &'static str) -> Arc<Self> {
        Arc::new(Self {
            mode,
            epoch: Instant::now(),
            from: AtomicU64::new(u64::MAX),
            until: AtomicU64::new(u64::MAX),
            done: AtomicU64::new(0),
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Sets when counting begins and work ends.
    pub(crate) fn begin(&self, window: Window) {
        let from = self.now() + micros(window.warm_up);
        self.from.store(from, Relaxed);
        self.until.store(from + micros(window.seconds), Relaxed);
    }

    /// When no new work is begun any more.
    pub(crate) fn until(&self) -> u64 {
        self.until.load(Relaxed)
    }

    /// Whether new work may be begun.
    pub(crate) fn is_open(&self) -> bool {
        self.now() < self.until()
    }

    /// Whether what happens at this time counts.
    pub(crate) fn counts(&self, at: u64) -> bool {
        self.from.load(Relaxed) <= at && at < self.until()
    }

    /// Notes that something was done, for the progress line.
    pub(crate) fn done(&self) {
        self.done.fetch_add(1, Relaxed);
    }

    /// Waits until the window is over, with a progress line every second.
    pub(crate) async fn run(&self, watched: &Watched) -> Measured {
        self.wait(self.from.load(Relaxed)).await;
        let (began, before) = (Instant::now(), watched.cpu());
        self.wait(self.until()).await;
        let cpu = watched.cpu().since(&before);
        Measured {
            seconds: began.elapsed().as_secs_f64(),
            cpu,
        }
    }

    async fn wait(&self, until: u64) {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut last = self.done.load(Relaxed);
        loop {
            let left = Duration::from_micros(until.saturating_sub(self.now()));
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = ticks.tick() => {
                    let done = self.done.load(Relaxed);
                    self.say(&format!("{}/s, {done} in all", done - last));
                    last = done;
                }
            }
        }
    }

    /// Writes the progress line: over the last one on a terminal.
    pub(crate) fn say(&self, line: &str) {
        let mut err = std::io::stderr().lock();
        let (before, after) = if err.is_terminal() {
            ("\r\x1b[K", "")
        } else {
            ("", "\n")
        };
        let (mode, at) = (self.mode, self.epoch.elapsed().as_secs());
        // a closed stderr is no failure
        let _ = write!(err, "{before}{mode}, {at} s: {line}{after}");
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and a negative duration is none"
)]
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_lies_between_warm_up_and_end_counts() {
        let stage = Stage::new("test");
        assert!(stage.is_open() && !stage.counts(stage.now()));
        let before = stage.now();
        stage.begin(Window {
            warm_up: 0.05,
            seconds: 0.1,
        });
        stage.run(&Watched::default()).await;
        assert!(!stage.is_open());
        assert!(!stage.counts(before), "the warm-up does not count");
        assert!(stage.counts(stage.until() - 1) && !stage.counts(stage.until()));
        assert!(stage.counts(stage.until() - 100_000) && !stage.counts(stage.until() - 100_001));
    }
}
