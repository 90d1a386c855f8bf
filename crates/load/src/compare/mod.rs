//! `compare`: a load on two servers, or on one in two settings, in alternating pairs.

mod figures;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::fresh::{self, Changes, Setup};
use crate::runner::{Runner, say};
use crate::servers;
use figures::{Comparison, Figures};

/// Runs a mode on fresh servers, again and again, and compares two settings
///
/// Starts a mongod of its own; each run has a fresh database. With any option that
/// begins with `--b-`, runs come in pairs, A and B, then B and A, and so on: what
/// disturbs the machine disturbs both. Without, it gives the medians of A. Prints a
/// row for each figure on the way, and one JSON line.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    a: Setup,
    #[command(flatten)]
    b: Changes,
    /// How many runs, or pairs of runs
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// What is stored before each run: the options of `seed`
    #[arg(long, default_value = "--users 400", allow_hyphen_values = true)]
    seed: String,
    /// A folder for databases and logs; it is emptied first
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
    /// The mode and its options, without those that say where the server is
    #[arg(last = true, required = true)]
    line: Vec<String>,
}

/// Runs it; false if any run found something lost, duplicated or out of order.
pub(crate) async fn run(options: Options) -> anyhow::Result<(Comparison, bool)> {
    let mut a = options.a.clone();
    a.line = options.line.join(" ");
    let b = options.b.of(&a);
    let server = match &a.server {
        Some(server) => server.clone(),
        None => std::env::current_exe()?.with_file_name("chatzz"),
    };
    let work = std::path::absolute(&options.work)?;
    match std::fs::remove_dir_all(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => std::fs::create_dir_all(&work)?,
    }
    let mongod = servers::start_mongod(&work, &say).await?;
    let mut runner = Runner::new(&work, &mongod, server)?;
    let compared = all(&mut runner, &options, &a, b.as_ref()).await;
    let stopped = mongod.stop().await;
    let comparison = compared?;
    stopped.context("mongod")?;
    comparison.rows().for_each(|row| say(&row));
    Ok((comparison, runner.is_clean()))
}

async fn all(
    runner: &mut Runner,
    options: &Options,
    a: &Setup,
    b: Option<&Setup>,
) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::default();
    for run in 0..options.runs {
        let Some(b) = b else {
            let figures = once(runner, a, &format!("a{run}"), &options.seed).await?;
            comparison.add(figures, None);
            continue;
        };
        let mut both = [Figures::default(), Figures::default()];
        let [of_a, of_b] = &mut both;
        let mut turns = [("a", a, of_a), ("b", b, of_b)];
        if run % 2 == 1 {
            turns.reverse();
        }
        for (name, side, figures) in turns {
            *figures = once(runner, side, &format!("{name}{run}"), &options.seed).await?;
        }
        let [of_a, of_b] = both;
        comparison.add(of_a, Some(of_b));
    }
    Ok(comparison)
}

async fn once(
    runner: &mut Runner,
    setup: &Setup,
    database: &str,
    seed: &str,
) -> anyhow::Result<Figures> {
    let (report, beside) = fresh::run(runner, setup, database, seed).await?;
    let figures = Figures::of(&report);
    Ok(match beside {
        Some(beside) => figures.beside(&beside),
        None => figures,
    })
}
