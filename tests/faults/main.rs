//! The fault harness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed assumption of a test is a failed test; clippy only knows the inside of #[test] functions"
)]

mod check;
mod history;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--check-speed") {
        let events = arguments.next().and_then(|n| n.parse().ok());
        check::speed::speed(events.unwrap_or(1_000_000)).unwrap();
        return;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, check::tests::trials()).exit();
}
