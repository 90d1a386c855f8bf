//! The load generator and benchmark of chatzz; `docs/performance.md` is its work.
//!
//! ```text
//! main → {bench, compare, cost, mode} → fresh → {runner, seed, servers, measure, wire}
//! ```
//!
//! Each mode puts one kind of load on a server, checks that nothing is lost, duplicated
//! or out of order, and prints one JSON line. `bench` runs this program again and again,
//! and compares with others; `compare` does it for any mode and two settings. `cost` measures one event at a time, at its worst.

mod bench;
mod compare;
mod cost;
mod fresh;
mod measure;
mod mode;
mod runner;
mod seed;
mod servers;
mod wire;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use measure::Report;
use serde::Serialize;

/// Puts load on a chatzz server, and checks its answers
///
/// Prints one JSON line. Ends with 1 when anything was lost, repeated, out of
/// order or refused, and with 2 when the command line makes no sense.
#[derive(Debug, Parser)]
#[command(name = "chatzz-load")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads that generate load
    #[arg(long, global = true, default_value_t = 1)]
    threads: usize,
}

#[derive(Debug, Subcommand)]
enum Command {
    Send(mode::send::Options),
    Api(mode::api::Options),
    Backlog(mode::backlog::Options),
    Jobs(mode::jobs::Options),
    Idle(mode::idle::Options),
    Connect(mode::connect::Options),
    Login(mode::login::Options),
    History(mode::history::Options),
    Presence(mode::presence::Options),
    Mixed(mode::mixed::Options),
    Raw(mode::raw::Options),
    Receipts(mode::receipts::Options),
    Oracle(mode::oracle::Options),
    Flood(mode::abuse::flood::Options),
    NeverRead(mode::abuse::never_read::Options),
    Slow(mode::abuse::slow::Options),
    Seed(seed::Options),
    Bench(bench::Options),
    Cost(cost::Options),
    Compare(compare::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut builder = match cli.threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(cli.threads.max(1))
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            complain("something was lost, repeated, out of order or refused: see `checks`");
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command; false if it found the server wanting.
async fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Send(options) => report(&mode::send::run(options).await?),
        Command::Api(options) => report(&mode::api::run(options).await?),
        Command::Backlog(options) => report(&mode::backlog::run(options).await?),
        Command::Jobs(options) => report(&mode::jobs::run(options).await?),
        Command::Idle(options) => report(&mode::idle::run(options).await?),
        Command::Connect(options) => report(&mode::connect::run(options).await?),
        Command::Login(options) => report(&mode::login::run(options).await?),
        Command::History(options) => report(&mode::history::run(options).await?),
        Command::Presence(options) => report(&mode::presence::run(options).await?),
        Command::Mixed(options) => report(&mode::mixed::run(options).await?),
        Command::Raw(options) => report(&mode::raw::run(options).await?),
        Command::Receipts(options) => report(&mode::receipts::run(options).await?),
        Command::Oracle(options) => report(&mode::oracle::run(options).await?),
        Command::Flood(options) => report(&mode::abuse::flood::run(options).await?),
        Command::NeverRead(options) => report(&mode::abuse::never_read::run(options).await?),
        Command::Slow(options) => report(&mode::abuse::slow::run(options).await?),
        Command::Seed(options) => print(&seed::run(options).await?).map(|()| true),
        Command::Bench(options) => bench::run(options).await,
        Command::Compare(options) => {
            let (comparison, is_clean) = compare::run(options).await?;
            print(&comparison).map(|()| is_clean)
        }
        Command::Cost(options) => print(&cost::run(options).await?).map(|()| true),
    }
}

fn report(report: &Report) -> anyhow::Result<bool> {
    print(report)?;
    Ok(report.checks.are_clean())
}

/// One JSON line.
fn print(value: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(value)?;
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

fn complain(line: &str) {
    // a closed stderr is no failure
    let _ = writeln!(std::io::stderr().lock(), "\nchatzz-load: {line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }
}
