//! What the tests share: clients, and people who use them.

pub(crate) mod frame;
pub(crate) mod user;
