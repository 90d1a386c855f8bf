//! chatzz
pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dev;
mod events;
mod http;
pub mod id;
pub mod lanes;
pub mod service;
pub mod store;
pub mod telemetry;
mod transport;
pub mod wire;
