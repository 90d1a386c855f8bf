//! HTTP: the accept loop, health, metrics, and security headers.

mod address;
mod admin;
mod body;
mod client_files;
mod engine;
mod guarded;
mod head;
mod headers;
mod limit;
mod listener;
mod metrics;
mod old_names;
mod origin;
mod pace;
mod routes;
mod sessions;
mod tls;

pub(crate) use address::locate;
pub(crate) use admin::router as admin_router;
pub(crate) use body::collect_bodies;
pub(crate) use client_files::ClientFiles;
pub use client_files::ClientFilesError;
pub(crate) use engine::complete_engine;
pub(crate) use head::keep_small;
pub(crate) use headers::harden;
pub(crate) use limit::limit;
pub(crate) use listener::{Accepting, serve};
pub(crate) use metrics::{recorder, router as metrics_router};
pub(crate) use origin::guard;
pub(crate) use routes::{Health, router};
pub(crate) use sessions::watch_sessions;
pub(crate) use tls::Tls;
pub use tls::TlsError;
