//! HTTP: the accept loop, health, metrics, and what browsers must keep to.

mod guarded;
mod listener;
mod metrics;
mod origin;
mod routes;
mod sessions;

pub(crate) use listener::{Accepting, serve};
pub(crate) use metrics::{recorder, router as metrics_router};
pub(crate) use origin::guard;
pub(crate) use routes::{Health, router};
pub(crate) use sessions::watch_sessions;
