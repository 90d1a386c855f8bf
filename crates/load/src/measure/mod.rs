//! What is measured, and how: time, latency, order, processor time, memory.

mod latency;
mod order;
mod pace;
mod peak;
mod process;
mod report;
mod samples;
mod stage;

pub(crate) use latency::Latency;
pub(crate) use order::Order;
pub(crate) use pace::{Schedule, pace};
pub(crate) use peak::Peak;
pub(crate) use process::{Memory, Watched, forget_most_resident, most_resident, time_of};
pub(crate) use report::{Checks, Report};
pub(crate) use samples::{Difference, median};
pub(crate) use stage::{Measured, Stage, Window};
