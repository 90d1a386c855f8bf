//! Tools for a developer's machine, in addition to the server itself.
//!
//! The `chatzz dev` command and the tests run on a `MongoDB` of their own, which
//! [`mongod`] finds or fetches, starts and stops; [`nats`] does so with a nats-server. [`demo`] builds the demo application
//! with npm, and [`Playground`] is both with demo users. [`peer`] is the other person of
//! `chatzz peer`, which uses [`frames`]. Nothing here is used by `chatzz serve`, and
//! everything here knows the server only by its protocol.

#[cfg(unix)]
mod claim;
#[cfg(unix)]
mod conversations;
#[cfg(unix)]
pub mod demo;
#[cfg(unix)]
mod error;
pub mod frames;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
pub mod mongod;
#[cfg(unix)]
pub mod nats;
#[cfg(unix)]
pub mod old_database;
#[cfg(unix)]
mod pages;
pub mod peer;
#[cfg(unix)]
mod playground;
#[cfg(unix)]
mod tool;
#[cfg(unix)]
mod watchdog;

#[cfg(unix)]
pub use conversations::DemoMessage;
#[cfg(unix)]
pub use demo::KINDS as DEMO_KINDS;
#[cfg(unix)]
pub use error::DevError;
#[cfg(unix)]
pub use playground::{Playground, Users, free_or_any, is_free};
#[cfg(unix)]
pub use tool::ToolError;

/// Receives one line of progress, written for a person to read.
///
/// Only steps that may take seconds report: waiting for another process, fetching, unpacking.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);
