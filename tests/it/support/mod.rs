//! What the tests share: a server, clients, and people who use them.

#[cfg(unix)]
pub(crate) mod binary;
pub(crate) mod canary;
pub(crate) mod contract;
pub(crate) mod database;
pub(crate) mod frame;
pub(crate) mod http;
pub(crate) mod mongod;
pub(crate) mod poll;
#[cfg(unix)]
pub(crate) mod seeded;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod user;
