//! chatzz: a one-to-one messenger backend on the MongoDB you already have.
//!
//! # The layers
//!
//! ```text
//! main → app → {events, http} → wire → service → {lanes → store} → id
//! main → verify → store
//! ```
//!
//! Nothing points upwards. [`bugs`], [`clock`], [`config`] and [`id`] are leaves. What
//! `chatzz dev` and `chatzz peer` need beside the server is the crate `chatzz-dev`,
//! which the program alone knows.
//!
//! | module | what it is |
//! |---|---|
//! | [`app`] | builds a server from a [`config::Config`], runs it, stops it in order |
//! | `events` | client events: order per socket, one handler per file, everything that is emitted |
//! | `http` | the accept loop, health, metrics, the check of origins |
//! | [`wire`] | requests, envelopes and errors as clients see them |
//! | [`service`] | the messenger's rules; knows no sockets and no JSON |
//! | [`lanes`] | where messages get their numbers and become durable |
//! | [`store`] | MongoDB: documents, indexes, queries, migrations |
//! | `limits` | token buckets and caps of sockets, users and addresses |
//! | [`verify`] | checks a live database and mends what can be derived |
//! | [`auth`] | who a socket speaks for |
//! | [`bugs`] | bugs on purpose, in the program `chatzz-seeded` alone |
//! | [`spec`] | the contract for machines, made of the wire's types |
//!
//! # The walk of one `send-message`
//!
//! 1. socketioxide reads a packet and calls the one dispatcher of the socket
//!    (`events::dispatch`), synchronously, so the order of packets is kept. The
//!    event is put into the socket's queue.
//! 2. The queue's worker decodes the payload ([`wire::request`]) and asks
//!    [`service::Messenger::send`], which looks up the receiver and the chat room
//!    (cached) and hands the message to the chat room's lane. Now the next event
//!    of the socket may start.
//! 3. The lane ([`lanes`]) takes everything that waits, numbers the messages of
//!    each chat room and stores them with one ordered insert, on a majority and
//!    journaled. A refused insert is sorted by the index that refused.
//! 4. The lane tells its outlet (`events::delivery`): the message's JSON is built
//!    once and goes to the sender's sockets, into the acknowledgement, and to the
//!    receiver's sockets, in the order of the numbers.
//! 5. Heads and delivered cursors are written behind ([`store::WriteBehind`]).
//!
//! What a client may rely on stands in `docs/protocol.md`.

pub mod app;
pub mod auth;
pub mod bugs;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
mod events;
mod http;
pub mod id;
pub mod lanes;
mod limits;
pub mod service;
pub mod spec;
pub mod store;
pub mod telemetry;
mod transport;
pub mod verify;
pub mod wire;
