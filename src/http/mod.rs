//! HTTP: the accept loop, health, metrics, and what browsers must keep to.

mod address;
mod guarded;
mod headers;
mod limit;
mod listener;
mod metrics;
mod origin;
mod routes;
mod sessions;

pub(crate) use address::locate;
pub(crate) use headers::harden;
pub(crate) use limit::limit;
pub(crate) use listener::{Accepting, serve};
pub(crate) use metrics::{recorder, router as metrics_router};
pub(crate) use origin::guard;
pub(crate) use routes::{Health, router};
pub(crate) use sessions::watch_sessions;
