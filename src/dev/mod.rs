//! What a developer's machine needs beside the server itself.
//!
//! The `chatzz dev` command and the tests run on a `MongoDB` of their own, which [`mongod`] finds or
//! fetches, starts and ends; [`client`] fetches the official socket.io client for the demo page.
//! Nothing here is used by `chatzz serve`.

pub mod client;
#[cfg(unix)]
mod error;
mod lock;
#[cfg(unix)]
pub mod mongod;
#[cfg(unix)]
mod page;
#[cfg(unix)]
mod server;
mod tool;

#[cfg(unix)]
pub use error::DevError;
#[cfg(unix)]
pub use server::Dev;
pub use tool::ToolError;

/// Receives one line of progress, written for a person to read.
///
/// Only steps that may take seconds report: waiting for another process, fetching, unpacking.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);
