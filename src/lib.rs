//! chatzz: a one-to-one messenger backend on the MongoDB you already have.
//!
//! # The layers
//!
//! ```text
//! main → app → {{api, push, notify} → operator → socket, http} → wire → service → {hooks, feed → rooms → store} → domain → id
//! main → {adopt, verify} → store
//! ```
//!
//! Nothing points upwards. What `chatzz dev` and `chatzz peer` need in addition to the
//! server is in the crate `chatzz-dev`, which only the program depends on.
//!
//! This table is the map: `tests/it/architecture.rs` reads it, and fails when a module
//! uses another that its row does not name, or names one that it does not use.
//!
//! | module | what it is | uses |
//! |---|---|---|
//! | [`app`] | builds a server from a [`config::Config`], runs it, stops it in order | api auth clock config feed hooks http id limits notify operator push rooms service socket store transport wire |
//! | `api` | the HTTP API for the application's back end: the table of calls, keys, problem details | clock config id limits operator service wire |
//! | `notify` | who is to be notified of messages that no device confirmed, written into the log by the one server that has the lease | clock domain id operator service store |
//! | `push` | events, posted to the application by the one server that has the lease | callout clock config operator service signature store wire |
//! | [`operator`] | what the application and administrators may do, each verb a method | clock config id rooms service socket store |
//! | `socket` | sockets and their events: order per socket, one handler a file, everything that is emitted | auth config domain feed hooks id limits rooms service store transport wire |
//! | `http` | the accept loop, health, metrics, the check of origins | config limits service store transport wire |
//! | [`wire`] | requests, replies, notices and errors as clients see them | config domain id rooms service store |
//! | [`spec`] | the contracts for machines, made of the types of the wire and of the HTTP API | api wire |
//! | [`service`] | the messenger's rules; knows no sockets and no JSON | clock config domain feed hooks id rooms store |
//! | [`hooks`] | the points where a deployment decides, and the webhook that asks the application | callout clock config domain id rooms signature store |
//! | [`feed`] | the read side of a chat room: what this node has announced, the one gate against announcing twice, the log of events that servers share, and the bus between them | clock config domain id rooms store |
//! | [`rooms`] | the write side of a chat room: numbers, durable messages, receipts | clock domain id store |
//! | [`store`] | MongoDB: documents, indexes, queries, migrations | config domain id |
//! | [`domain`] | members, messages, cursors and the statuses that follow from them; no I/O | id |
//! | [`id`] | ids of the messenger's objects and of the application's users | – |
//! | [`adopt`] | takes over a database of the npm package chatzz 1.x | clock config domain id store |
//! | [`verify`] | checks a live database and mends what can be derived | clock domain id store |
//! | [`auth`] | who a socket speaks for | callout clock config hooks service |
//! | `callout` | requests to the application and to other services | config signature |
//! | `signature` | how requests to the application are signed | config |
//! | `limits` | token buckets and caps of sockets, users and addresses | config id |
//! | [`config`] | settings, each key declared once | – |
//! | [`back_end`] | commands that call the HTTP API of a running server, as a back end would | callout clock config |
//! | [`bar`] | progress on a terminal, of commands that take long | – |
//! | [`cli`] | the command line | config |
//! | [`clock`] | the one place that asks the system for the time | – |
//! | [`telemetry`] | logs | config |
//! | `transport` | connections under the sockets, and how much has left them | – |
//!
//! # The path of a `send-message`
//!
//! 1. socketioxide reads a packet and calls the one dispatcher of the socket
//!    (`socket::dispatch`), synchronously, so the order of packets is kept. The
//!    event is put into the socket's queue.
//! 2. The queue's worker decodes the payload ([`wire::request`]) and asks
//!    `Messenger::send`, which looks up the receiver and the chat room
//!    (cached) and passes the message to the chat room's lane. Now the next event
//!    of the socket may start.
//! 3. The lane ([`rooms`]) takes all waiting messages, numbers the messages of
//!    each chat room and stores them with one ordered insert, on a majority and
//!    journaled. A refused insert is classified by the index that refused it.
//! 4. The [`feed`] lets it pass once, in the order of the numbers, and the hub
//!    (`socket::hub`) announces it: the message's JSON is built once and sent to the
//!    sender's sockets, in the acknowledgement, and to the receiver's sockets.
//! 5. Heads and delivered cursors are written behind ([`store::WriteBehindQueue`]).
//!
//! # The path of a `POST /v1/messages`
//!
//! 1. `api::perform` finds the key, checks its scope and limit, and waits for a place among
//!    the calls that are worked on.
//! 2. [`operator::Operator::send`] finds both users, opens their chat room if there is none,
//!    and hands the message to the same lane as a socket's, with a
//!    [`rooms::Caller::Call`] that waits for the answer.
//! 3. The rest is as above. The application's key is the message's client id, behind a mark
//!    that no socket can send ([`domain::SERVER_KEY_MARK`]).
//!
//! # The path of a `message-read`
//!
//! 1. It reaches the receipts task of the chat room's lane, beside its sends. Of several
//!    waiting receipts the furthest is stored.
//! 2. The reader's cursor in the chat room moves by compare-and-set, many chat rooms in
//!    one command. No message is written: its status follows from the cursor
//!    ([`domain::Message::delivery`]).
//! 3. The range that the cursor has passed is announced to the sender's sockets and to
//!    the reader's other sockets, and the event is answered with the number of messages.
//!
//! # From one server to another
//!
//! 1. What the [`feed`] announces of this server's doing goes into a queue, too
//!    ([`store::EventQueue`]), and nobody waits for it. The log's one task
//!    ([`feed::Log`]) writes it into the log of events and reads what others wrote.
//! 2. [`service::Messenger::hear`] finds out what of that concerns people here, and hands
//!    it to the lane of its chat room, which reads what it lacks and announces it.
//!
//! `docs/protocol.md` says what a client may rely on.

pub mod adopt;
mod api;
pub mod app;
pub mod auth;
pub mod back_end;
pub mod bar;
mod callout;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod feed;
pub mod hooks;
mod http;
pub mod id;
mod limits;
mod notify;
pub mod operator;
mod push;
pub mod rooms;
pub mod service;
mod signature;
mod socket;
pub mod spec;
pub mod store;
pub mod telemetry;
mod transport;
pub mod verify;
pub mod wire;
