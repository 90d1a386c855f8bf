//! The system under fault: MongoDB in one node or three, killed and frozen on order.

mod failpoint;
mod journal;
mod node;
mod single;
mod trials;
mod trio;

pub(crate) use failpoint::{FailCommand, Failure};
pub(crate) use single::Single;
pub(crate) use trials::trials;
pub(crate) use trio::Trio;
