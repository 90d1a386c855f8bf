//! What is run: the fast profile by `cargo test`, the long one by command.

mod bugs;
mod fast;
mod figures;
mod long;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

pub(crate) use fast::trials as fast;

use crate::arguments::Arguments;
use crate::check::speed::speed;
use crate::plan::Plan;
use crate::programs::{self, Build};
use crate::run::{self, Figures, Ran};

/// The longest a run by command may take.
const LIMIT: Duration = Duration::from_mins(30);

/// Carries out a command of [`crate::arguments`].
pub(crate) fn command(arguments: &Arguments) -> ExitCode {
    let good = if let Some(events) = arguments.check_speed {
        speed(events).is_ok()
    } else if let Some(folder) = &arguments.check {
        report::show("check", &Ok(run::judge(folder.clone(), Figures::default())))
    } else if let Some(folder) = &arguments.replay {
        replay(folder)
    } else {
        long::run(arguments)
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn replay(folder: &std::path::Path) -> bool {
    let plan = Plan::read(&folder.join("plan.json")).unwrap_or_else(|why| panic!("{why}"));
    let program = match &plan.bug {
        Some(_) => programs::seeded(Build::Release),
        None => programs::clean(Build::Release),
    };
    let folder = self::folder("replay", plan.seed);
    let ran = runtime().block_on(run::run(&plan, &program, folder, LIMIT));
    report::show("replay", &ran)
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().build().expect("a runtime")
}

/// A new folder for a run, below cargo's folder for tests.
fn folder(name: &str, seed: u64) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("faults");
    let folder = root.join(format!("{name}-{seed:x}"));
    // of an earlier run with the same seed
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// What is kept of a run: nothing of a good one but its figures.
fn tidy(ran: &Result<Ran, String>) {
    if let Ok(ran) = ran
        && ran.is_good()
    {
        let _ = std::fs::remove_dir_all(&ran.folder);
    }
}
