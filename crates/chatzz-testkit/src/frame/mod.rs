//! A raw Engine.IO / Socket.IO client, for what the official clients hide.
//!
//! It speaks Engine.IO 4 and 3 over websocket and HTTP long-polling, keeps every event in
//! its order of arrival and every received byte, and can fail deliberately: vanish, fall
//! silent, send nonsense.
//!
//! [`Client::connect`] opens the transport (`websocket`, `polling`), whose tasks pass
//! each packet to the `Session`; the session routes it. Reading what has arrived is in
//! `inbox`, the bytes of the protocols are in `packet`.

mod client;
mod http;
mod inbox;
mod options;
mod outbox;
mod packet;
mod polling;
mod session;
mod tap;
mod websocket;

pub use client::{Ack, Client, PATIENCE};
pub use inbox::Envelope;
pub use options::{ConnectError, ConnectOptions, Eio, Transport, WIRES};
pub use session::{AckError, CloseCause, Event, Silence};
pub use tap::{Incoming, Tap};
