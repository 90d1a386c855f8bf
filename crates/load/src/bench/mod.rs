//! `bench`: the whole set, beside the Node peer and the limit, and the page about it.

mod page;
mod plan;
mod plot;
mod results;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use tokio::process::Command;

use plan::Plan;
use results::Results;

use crate::runner::{self, Runner};
use crate::servers;

/// Measures chatzz, the Node peer and the database alone, and writes the page
///
/// Starts a mongod of its own and every server it needs. All of them share the
/// machine, so read figures of different machines as ratios.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// A small version of at most five minutes
    #[arg(long)]
    quick: bool,
    /// How often each measurement is repeated; the page has the medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Seconds that count, of each measurement
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Seconds of load before them
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Stored messages at which growth is measured; each needs about 0.6 GiB a million
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    messages: Vec<u32>,
    /// The server to measure; by default `chatzz` beside this program
    #[arg(long)]
    server: Option<PathBuf>,
    /// The folder of the Node peer, which needs node and npm
    #[arg(long, default_value = "crates/load/peer")]
    peer: PathBuf,
    /// Leave the Node peer out
    #[arg(long)]
    no_peer: bool,
    /// Where `performance.md` and its plots are written
    #[arg(long, default_value = "docs")]
    out: PathBuf,
    /// A folder for databases and logs; it is emptied first
    #[arg(long, default_value = "target/bench")]
    work: PathBuf,
}

/// Runs it; false if any measurement found something lost, duplicated or out of order.
pub(crate) async fn run(options: Options) -> anyhow::Result<bool> {
    let plan = Plan::of(&options);
    let server = match &options.server {
        Some(server) => server.clone(),
        None => std::env::current_exe()?.with_file_name("chatzz"),
    };
    anyhow::ensure!(
        server.is_file(),
        "there is no server {}: cargo build --release, or give --server",
        server.display()
    );
    let said = Command::new(&server).arg("--version").output().await?;
    let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let work = std::path::absolute(&options.work)?;
    match std::fs::remove_dir_all(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => std::fs::create_dir_all(&work)?,
    }
    let peer = (!options.no_peer).then(|| options.peer.clone());
    let mongod = servers::start_mongod(&work, &runner::say).await?;
    let mut runner = Runner::new(&work, &mongod, server)?;
    let measured = plan.measure(&mut runner, peer.as_deref()).await;
    let stopped = mongod.stop().await;
    let results: Results = measured?;
    stopped.context("mongod")?;
    std::fs::create_dir_all(&options.out)?;
    let plots = plot::all(&results, &options.out)?;
    let text = page::write(&results, &plan, &plots, &version);
    let page = options.out.join("performance.md");
    std::fs::write(&page, text)?;
    runner::say(&format!("written: {}", page.display()));
    Ok(runner.is_clean())
}
