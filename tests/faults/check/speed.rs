//! How long reading and checking takes.

use std::time::Instant;

use super::sim::{Random, Step, play};
use crate::history::{Dump, History};

/// People of the run.
const PEOPLE: usize = 30;

/// Makes a history of about this many events (at least, by a few per cent), and
/// prints how many seconds reading and checking take. The goal is 20 s for
/// 1,000,000 in a release build.
///
/// # Errors
/// When the history cannot be read back, or is not clean.
pub(crate) fn speed(events: usize) -> anyhow::Result<()> {
    let (history, dump) = generate(events);
    let (mut text, mut dumped) = (Vec::new(), Vec::new());
    history.write(&mut text)?;
    dump.write(&mut dumped)?;
    drop((history, dump));
    let begun = Instant::now();
    let history = History::read(text.as_slice())?;
    let dump = Dump::read(dumped.as_slice())?;
    let read = begun.elapsed();
    let begun = Instant::now();
    let violations = super::check(&history, &dump);
    let checked = begun.elapsed();
    println!(
        "{} events of {} MiB, {} messages: read in {:.1} s, checked in {:.1} s",
        history.lines.len(),
        text.len() >> 20,
        dump.messages.len(),
        read.as_secs_f64(),
        checked.as_secs_f64()
    );
    for violation in violations.iter().take(20) {
        println!("{violation}");
    }
    let first = violations.first().map(ToString::to_string);
    anyhow::ensure!(first.is_none(), "not clean: {}", first.unwrap_or_default());
    Ok(())
}

fn generate(events: usize) -> (History, Dump) {
    // a step makes about six lines, and the end a few
    let mut steps = (events / 6).max(1);
    loop {
        let mut world = play(PEOPLE, Random(1).take(steps).map(mostly_talk));
        world.page = 500;
        if world.line() >= events {
            return world.finish();
        }
        steps += steps / 4 + 1;
    }
}

/// People come and go less often than in the tests: one event in sixteen of
/// those that would be about connections is.
fn mostly_talk(step: Step) -> Step {
    let (what, by, with, number) = step;
    let about_connections = matches!(what % 32, 26..=30);
    let what = if about_connections && by % 16 != 0 {
        0
    } else {
        what
    };
    (what, by, with, number)
}
