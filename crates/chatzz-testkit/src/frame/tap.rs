//! Observing packets as they arrive.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::session::{CloseCause, Event};

/// A received item, in the order of arrival.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// An ack.
    Ack {
        /// Its id.
        id: u64,
        /// Its arguments.
        args: &'a [Value],
    },
    /// An event.
    Event(&'a Event),
    /// The end, which arrives once.
    End(&'a CloseCause),
}

/// Observes packets as they arrive; called by the transport's reader.
#[derive(Clone)]
pub struct Tap(pub Arc<dyn Fn(Incoming<'_>) + Send + Sync>);

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}
