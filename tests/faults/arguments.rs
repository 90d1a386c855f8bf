//! What the harness has to do when it is not run as one of the tests.
//!
//! ```text
//! cargo test --test faults                              the fast profile
//! cargo test --test faults -- --long [--seed N]         the long profile
//! cargo test --test faults -- --long --only two --before PROGRAM
//!                                                       a rolling upgrade from that program
//! cargo test --test faults -- --replay DIR              one run again, by its plan.json
//! cargo test --test faults -- --check DIR               a recorded run judged again
//! cargo test --test faults -- --check-speed EVENTS      the checker's own speed
//! ```

use std::path::PathBuf;

use clap::Parser;

/// Runs chatzz under faults and judges what happened.
#[derive(Clone, Debug, Parser)]
#[command(name = "faults")]
pub(crate) struct Arguments {
    /// Runs the long profile: release builds, every seeded bug, the figures.
    #[arg(long)]
    pub(crate) long: bool,
    /// Only the parts of the long profile whose name begins so.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Of the seeded bugs only this one, with `--only bugs`.
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) bug: Option<String>,
    /// Runs what the tests are built with, in place of release builds.
    #[arg(long, hide = true)]
    pub(crate) debug_build: bool,
    /// Every second start of a server is of this program, the version before, as in a
    /// rolling upgrade that is rolled back again.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) before: Option<PathBuf>,
    /// The seed of the first run.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Carries out the plan of an earlier run again.
    #[arg(long, value_name = "DIR")]
    pub(crate) replay: Option<PathBuf>,
    /// Judges a recorded run again.
    #[arg(long, value_name = "DIR")]
    pub(crate) check: Option<PathBuf>,
    /// Measures the checker on a made-up history.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) check_speed: Option<usize>,
}

impl Arguments {
    /// Reads the command line; `None` when it is for the test harness.
    pub(crate) fn read() -> Option<Self> {
        let ours = ["--long", "--replay", "--check", "--check-speed"];
        let is_ours = |arg: &String| {
            let name = arg.split('=').next().unwrap_or_default();
            ours.contains(&name)
        };
        std::env::args().any(|arg| is_ours(&arg)).then(Self::parse)
    }
}
