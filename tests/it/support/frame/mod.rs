//! A raw Engine.IO / Socket.IO client, for what the official clients hide.
//!
//! It speaks Engine.IO 4 and 3 over websocket and HTTP long-polling, keeps
//! every event in its order of arrival and every received byte, and can fail
//! on purpose: vanish, fall silent, send nonsense.
//!
//! [`Client::connect`] opens the transport (`websocket`, `polling`), whose
//! tasks hand each packet to the `Session`; the session routes it. Reading
//! what arrived is in `inbox`, the bytes of the protocols are in `packet`.

mod client;
mod http;
mod inbox;
mod options;
mod outbox;
mod packet;
mod polling;
mod session;
mod websocket;

pub(crate) use client::{Client, PATIENCE};
pub(crate) use inbox::Envelope;
pub(crate) use options::{ConnectError, ConnectOptions, Eio, Transport, WIRES};
pub(crate) use session::{AckError, CloseCause, Event, Incoming, Silence, Tap};
