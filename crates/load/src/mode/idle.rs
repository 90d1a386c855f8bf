//! `idle`: what servers use while nobody does anything.

use std::net::SocketAddr;

use clap::Args;
use serde::Serialize;

use super::Common;
use crate::measure::{Latency, Report, Stage};

/// Nothing at all: what is counted are the seconds of each server
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
}

/// Who does nothing.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    /// A further server of the same database
    #[arg(long)]
    #[serde(skip)]
    other_addr: Vec<SocketAddr>,
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Report> {
    let Options { common, load } = options;
    let stage = Stage::new("idle");
    stage.begin(common.window);
    let measured = stage.run(&common.watched).await;
    let servers = f64::from(1 + u16::try_from(load.other_addr.len())?);
    let parameters = serde_json::json!({ "servers": servers });
    let mut report = Report::new("idle", parameters, measured, 0, &Latency::default());
    report.per_second = servers;
    let cpu = measured.cpu;
    for (name, seconds) in [("server", cpu.server), ("mongod", cpu.mongod)] {
        if let Some(seconds) = seconds {
            report.figure(
                &format!("{name}PercentOfACore"),
                100.0 * seconds / measured.seconds,
            );
        }
    }
    Ok(report)
}
