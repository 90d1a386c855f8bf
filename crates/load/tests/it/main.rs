//! The load generator against a real server, and against one that does wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption of a test is a failed test; clippy only knows the inside of #[test] functions"
)]

mod house;
mod liar;
mod lying_api;
mod modes;
mod support;
