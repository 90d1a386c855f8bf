//! A private nats-server: found, started, and stopped with this process.
//!
//! [`locate`](locate()) gives the path of one; [`Nats::start`] runs it. It listens on this machine
//! only, and lets everybody on it in.

mod error;
mod locate;
mod process;

pub use error::NatsError;
pub use locate::{find, locate};
pub use process::Nats;
