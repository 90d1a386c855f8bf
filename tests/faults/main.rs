//! Faults: processes and links that fail on order. So far the machinery and its own trials.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failed assumption of a trial is a failed trial, and figures are printed"
)]

mod dump;
mod proxy;
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the integration tests, which use all of it"
)]
#[path = "../it/support/mod.rs"]
mod support;
mod system;
mod trial;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = proxy::trials();
    trials.extend(system::trials());
    trials.extend(dump::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
