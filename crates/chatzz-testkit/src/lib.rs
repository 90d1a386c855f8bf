//! What the tests share: a server, clients, and people who use them.
//!
//! The readme of this package lists the modules. Nothing here returns an error to a test:
//! a broken assumption fails the test on the spot.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a failed assumption of a test is a failed test, and this is the code of tests"
)]

#[cfg(unix)]
pub mod binary;
pub mod canary;
pub mod clock;
pub mod contract;
pub mod database;
mod ended;
pub mod frame;
pub mod http;
pub mod mongod;
#[cfg(unix)]
pub mod nats;
pub mod places;
pub mod poll;
#[cfg(unix)]
pub mod seeded;
pub mod server;
pub mod service;
pub mod slow_link;
#[cfg(unix)]
pub mod tied;
#[cfg(unix)]
pub mod tools;
pub mod user;
