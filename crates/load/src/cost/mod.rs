//! `cost`: what each event of a client costs the server at its worst.
//!
//! Each case has a server of its own, which has cached nothing: the event is sent once,
//! and then again and again. A second server, whose allocator gives back at once what it
//! does not use, tells the memory.

mod cases;
mod token;
mod trial;
mod world;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::seed::Mongo;
use crate::servers;
use cases::Case;
use trial::{Figures, Place};
use world::World;

/// Processor time and bytes that an event may cost.
const MOST_MS: f64 = 20.0;
const MOST_KIB: f64 = 4.0 * 1024.0;

/// Measures the worst that each event of a client can cost
///
/// Starts a mongod of its own, stores the worst data within the documented limits, and
/// starts a server for each case. Prints a row for each on the way, and one JSON line.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Only cases whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Contacts of a person with many
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000))]
    contacts: u32,
    /// Messages in the longest chat room
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    long: u32,
    /// The server to measure; by default `chatzz` beside this program
    #[arg(long)]
    server: Option<PathBuf>,
    /// A folder for the database and logs; it is emptied first
    #[arg(long, default_value = "target/cost")]
    work: PathBuf,
}

/// What was found out.
#[derive(Debug, Serialize)]
pub(crate) struct Costs {
    /// Each case, in the order of the events in the protocol.
    rows: Vec<Row>,
    /// How many of them are over a bound.
    over: usize,
}

/// One case.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    event: &'static str,
    case: &'static str,
    #[serde(flatten)]
    figures: Figures,
    is_over: bool,
}

impl Row {
    fn of(case: &Case, figures: Figures) -> Self {
        let is_over = figures.server_first_ms > MOST_MS
            || figures.server_again_ms > MOST_MS
            || figures.answer_kib > MOST_KIB
            || figures.memory_kib > MOST_KIB;
        Self {
            event: case.event,
            case: case.name,
            figures,
            is_over,
        }
    }

    fn say(&self) {
        let Figures {
            server_first_ms,
            server_again_ms,
            mongod_first_ms,
            mongod_again_ms,
            answer_kib,
            memory_kib,
        } = self.figures;
        let over = if self.is_over { " **over**" } else { "" };
        say(&format!(
            "| `{}` {} | {server_first_ms:.1} | {server_again_ms:.1} | {mongod_first_ms:.1} | \
             {mongod_again_ms:.1} | {answer_kib:.0} | {memory_kib:.0} |{over}",
            self.event, self.case
        ));
    }
}

/// Runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<Costs> {
    let server = match &options.server {
        Some(server) => server.clone(),
        None => std::env::current_exe()?.with_file_name("chatzz"),
    };
    let server = std::path::absolute(server)?;
    anyhow::ensure!(server.is_file(), "there is no server {}", server.display());
    let work = std::path::absolute(&options.work)?;
    match std::fs::remove_dir_all(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => std::fs::create_dir_all(&work)?,
    }
    let mongod = servers::start_mongod(&work, &say).await?;
    let place = Place {
        server,
        work,
        uri: mongod.uri(),
        mongod: mongod.pid().context("mongod has ended")?,
    };
    let measured = measure(&place, &options).await;
    let stopped = mongod.stop().await;
    let rows = measured?;
    stopped.context("mongod")?;
    let over = rows.iter().filter(|row| row.is_over).count();
    Ok(Costs { rows, over })
}

async fn measure(place: &Place, options: &Options) -> anyhow::Result<Vec<Row>> {
    // once, so that the indexes are there
    place.start(&[]).await?.stop().await?;
    let database = Mongo::of(&place.uri, trial::DATABASE).open().await?;
    let world = World {
        database,
        contacts: options.contacts,
        long: options.long,
    };
    say("storing the data");
    world.store().await?;
    say("event, server ms once and again, mongod ms once and again, answer KiB, memory KiB");
    let mut rows = Vec::new();
    for case in cases::all(world.contacts, world.long) {
        if !format!("{} {}", case.event, case.name).contains(&options.only) {
            continue;
        }
        let figures = trial::figures(place, &world, &case).await;
        let figures = figures.with_context(|| format!("{} {}", case.event, case.name))?;
        let row = Row::of(&case, figures);
        row.say();
        rows.push(row);
    }
    Ok(rows)
}

fn say(line: &str) {
    use std::io::Write as _;
    // a closed stderr is no failure
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
