//! The integration tests: every test speaks to a server as a front end does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption of a test is a failed test; clippy only knows the inside of #[test] functions"
)]

#[cfg(unix)]
mod adopt;
#[cfg(unix)]
mod api;
mod architecture;
#[cfg(unix)]
mod arrangement;
mod auth;
#[cfg(unix)]
mod balancers;
mod both;
#[cfg(unix)]
mod bugs;
mod cli;
#[cfg(unix)]
mod clients;
mod config;
mod conversation;
#[cfg(unix)]
mod deploy;
#[cfg(unix)]
mod dev;
mod dialect1;
mod docs;
#[cfg(unix)]
mod edge;
mod envelopes;
mod events;
mod frame_selftest;
#[cfg(unix)]
mod generators;
mod holes;
#[cfg(unix)]
mod hooks;
mod http;
mod kinds;
mod lane_announces;
#[cfg(unix)]
mod lifecycle;
mod limits;
#[cfg(unix)]
mod logs;
#[cfg(unix)]
mod metrics;
mod missed;
#[cfg(unix)]
mod mongod;
#[cfg(unix)]
mod mongod_locate;
#[cfg(unix)]
mod nats;
#[cfg(unix)]
mod outage;
#[cfg(unix)]
mod peer;
#[cfg(unix)]
mod people;
mod presence;
mod presence_announces;
#[cfg(unix)]
mod privacy;
mod proxies;
mod queries;
mod races;
mod rows;
mod spec;
mod store;
mod transports;
#[cfg(unix)]
mod two_nodes;
#[cfg(unix)]
mod two_nodes_live;
mod verify;

use chatzz_testkit as support;
