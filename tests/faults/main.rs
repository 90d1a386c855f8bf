//! The fault harness: a whole chatzz is broken in every way there is, and its
//! history is judged by a checker that knows nothing of how it works.
//!
//! A [`plan`] follows from a seed. [`run`] carries it out: [`rig`] is the
//! system, behind a fault [`proxy`] and over the mongods of [`system`];
//! [`people`] use it and write down what they see, and so does the
//! [`application`] that they belong to; [`inject`] breaks it, with a [`forger`]
//! for the bus. [`progress`] says what a run that does not end waits for. The
//! [`history`] and a dump of the database go to [`check`]. What is run by `cargo test` and what by command is in
//! [`profile`]; see [`arguments`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a failed assumption of a test is a failed test, and the commands report to a terminal"
)]

mod application;
mod arguments;
mod check;
mod dump;
mod forger;
mod history;
mod inject;
mod people;
mod plan;
mod profile;
mod programs;
mod progress;
mod proxy;
mod recorder;
mod rig;
mod run;
mod system;
mod trial;

use arguments::Arguments;
use chatzz_testkit::{self as support, tools};

fn main() -> std::process::ExitCode {
    if let Some(arguments) = Arguments::read() {
        return profile::command(&arguments);
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let trials: [Vec<libtest_mimic::Trial>; 6] = [
        check::tests::trials(),
        proxy::trials(),
        system::trials(),
        dump::trials(),
        programs::trials(),
        profile::fast(),
    ];
    let trials = trials.into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
