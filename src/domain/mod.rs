//! The messenger's own values: no I/O, below everything but the ids.

mod cursors;
mod members;
mod message;

pub use cursors::{Cursors, Delivery, ReadCursor, ReadStep, STEPS_KEPT, SentCursor, Status};
pub use members::{ByMember, Counts, Head, Members, Position};
pub use message::{Content, IMPORTED, Message, SERVER_KEY_MARK};
