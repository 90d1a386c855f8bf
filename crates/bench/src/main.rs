//! Compares what a message costs with the committed figures.
//!
//! Every piece is measured as a multiple of a yardstick that is measured beside it, round
//! by round, so that a slow or busy machine cancels out. It prints the results and judges
//! nothing: people decide whether a change justifies its cost.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chatzz_bench::{Piece, pieces, yardstick};
use clap::Parser;

/// How often each piece is measured; the fastest time counts, since other activity only
/// makes it slower.
const ROUNDS: usize = 40;
/// Shortest duration of one measurement.
const AT_LEAST: Duration = Duration::from_millis(5);
/// A change that deserves a look, in percent.
const NOTABLE: f64 = 15.0;

/// Compares what a message costs with the committed figures.
#[derive(Parser)]
struct Arguments {
    /// Writes the figures instead of comparing with them.
    #[arg(long)]
    write: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let file = figures_file();
    let now = measure();
    if arguments.write {
        let text = serde_json::to_string_pretty(&now)?;
        std::fs::write(&file, text + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
        println!("written: {}", file.display());
        return Ok(());
    }
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let committed: BTreeMap<String, f64> = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no figures", file.display()))?;
    print(&committed, &now);
    Ok(())
}

fn figures_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("figures.json")
}

/// Each piece as a multiple of the yardstick, three digits.
fn measure() -> BTreeMap<String, f64> {
    let mut yardstick = yardstick();
    let mut figures = BTreeMap::new();
    for mut piece in pieces() {
        let (mut quickest, mut unit) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            quickest = quickest.min(nanoseconds(&mut piece));
            unit = unit.min(nanoseconds(&mut yardstick));
        }
        let ratio = quickest / unit;
        figures.insert(piece.name.to_owned(), (ratio * 1000.0).round() / 1000.0);
    }
    figures
}

/// The time of one run, averaged over a while.
fn nanoseconds(piece: &mut Piece) -> f64 {
    let began = Instant::now();
    let mut times = 0_u32;
    while began.elapsed() < AT_LEAST {
        for _ in 0..64 {
            (piece.work)();
        }
        times += 64;
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(times)
}

fn print(committed: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) {
    println!("cost of a message, in multiples of {}:", yardstick().name);
    println!(
        "{:<24} {:>10} {:>10} {:>8}",
        "piece", "committed", "now", "change"
    );
    for (name, now) in now {
        let Some(before) = committed.get(name) else {
            println!("{name:<24} {:>10} {now:>10.3} {:>8}", "–", "new");
            continue;
        };
        let change = (now / before - 1.0) * 100.0;
        let mark = if change.abs() > NOTABLE {
            "  <- look"
        } else {
            ""
        };
        println!("{name:<24} {before:>10.3} {now:>10.3} {change:>+7.0}%{mark}");
    }
    for name in committed.keys().filter(|name| !now.contains_key(*name)) {
        println!("{name:<24} is measured no more: write the figures anew with --write");
    }
}
