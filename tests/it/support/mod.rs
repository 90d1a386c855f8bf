//! What the tests share: a server, clients, and people who use them.

pub(crate) mod frame;
pub(crate) mod mongod;
pub(crate) mod poll;
pub(crate) mod server;
pub(crate) mod user;
