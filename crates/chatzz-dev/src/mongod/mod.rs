//! A private `MongoDB`: found or fetched, started, and stopped with this process.
//!
//! [`locate`](locate()) gives the path of a `mongod` that works here; [`Mongod::start`] runs it.

mod fetch;
mod folder;
mod locate;
mod log;
mod options;
pub(crate) mod port;
mod process;
mod replica_set;
mod start_error;
mod version;

pub use fetch::FetchError;
pub use locate::{Environment, LocateError, Rejected, locate};
pub use options::{Options, REPLICA_SET, Ready};
pub use process::{ControlError, Mongod};
pub use start_error::StartError;
pub use version::Unusable;
