//! The kinds of load, one a module.

pub(crate) mod abuse;
pub(crate) mod api;
pub(crate) mod backlog;
mod batches;
pub(crate) mod connect;
pub(crate) mod history;
pub(crate) mod idle;
pub(crate) mod jobs;
pub(crate) mod login;
pub(crate) mod mixed;
pub(crate) mod oracle;
pub(crate) mod presence;
pub(crate) mod raw;
pub(crate) mod receipts;
pub(crate) mod send;
mod workers;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::measure::{Watched, Window};
use crate::wire::{ApiTarget, Target};

/// The options of every load on a server.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) api: ApiTarget,
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) watched: Watched,
}

/// The options of a run as they stand in its report.
fn parameters(options: &impl Serialize) -> anyhow::Result<Value> {
    serde_json::to_value(options).context("options that are no JSON")
}

/// A number that tells this run's messages from those of others.
fn run_number() -> u32 {
    rand::random()
}
