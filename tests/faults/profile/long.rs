//! The long profile, by command: release builds, many runs, every seeded bug,
//! and the figures that `docs/guarantees.md` names.

use std::collections::BTreeMap;

use chatzz::bugs::Bug;

use super::{bugs, figures, folder, report, runtime, tidy};
use crate::arguments::Arguments;
use crate::plan::{Shape, Topology, generate};
use crate::programs::{self, Build};
use crate::run::{self, Figures};

/// The seed of the first run unless another one is given.
const SEED: u64 = 1;

/// Runs all of it, or what is asked for; whether all is good.
pub(crate) fn run(arguments: &Arguments) -> bool {
    let only = arguments.only.as_deref().unwrap_or_default();
    let wanted = |name: &str| name.starts_with(only);
    let first = arguments.seed.unwrap_or(SEED);
    let mut good = true;
    let mut total = Figures::default();
    for (name, shape, times) in shapes() {
        for seed in (first..first + times).filter(|_| wanted(name)) {
            let name = format!("{name}-{seed}");
            let plan = generate(&shape, seed);
            let program = programs::clean(Build::Release);
            let ran = runtime().block_on(run::run(&plan, &program, folder(&name, seed)));
            good &= report::show(&name, &ran);
            tidy(&ran);
            total.add(&ran.figures);
        }
    }
    report::print_figures("total", &total);
    for part in figures::PARTS {
        if wanted(part.name) {
            good &= figures::show(part);
        }
    }
    if wanted("bugs") {
        good &= all_bugs();
    }
    println!("{}", if good { "good" } else { "NOT good" });
    good
}

fn all_bugs() -> bool {
    let results = Bug::ALL
        .iter()
        .map(|bug| bugs::caught(*bug, Build::Release));
    let missed: Vec<String> = results.filter_map(Result::err).collect();
    for missed in &missed {
        println!("{missed}");
    }
    let caught = Bug::ALL.len() - missed.len();
    println!("bugs: {caught} of {} caught", Bug::ALL.len());
    missed.is_empty()
}

/// What is run, and how often, each time with another seed.
fn shapes() -> [(&'static str, Shape, u64); 3] {
    let large = |topology, servers, sends| Shape {
        users: 60,
        rooms: 120,
        ..Shape::peaceful(topology, servers, sends)
    };
    let one = Shape {
        server_kills: 9,
        server_restarts: 2,
        server_stops: 3,
        mongod_kills: 6,
        mongod_stops: 2,
        failed_commands: 4,
        lost_replies: 20,
        slow_journals: 2,
        client_links: 18,
        database_links: 9,
        ..large(Topology::Single, 1, 35_000)
    };
    let three = Shape {
        server_kills: 3,
        server_stops: 1,
        mongod_kills: 3,
        mongod_stops: 2,
        step_downs: 6,
        lost_primaries: 1,
        failed_commands: 2,
        client_links: 2,
        ..large(Topology::Trio, 1, 20_000)
    };
    let two = Shape {
        server_kills: 6,
        server_restarts: 1,
        server_stops: 3,
        mongod_kills: 2,
        lost_replies: 6,
        client_links: 6,
        database_links: 4,
        ..large(Topology::Single, 2, 20_000)
    };
    [("one", one, 4), ("three", three, 3), ("two", two, 3)]
}

impl Figures {
    /// Sums up.
    fn add(&mut self, other: &Self) {
        let mut faults: BTreeMap<String, u64> = std::mem::take(&mut self.faults);
        for (name, count) in &other.faults {
            *faults.entry(name.clone()).or_insert(0) += count;
        }
        *self = Self {
            acknowledged: self.acknowledged + other.acknowledged,
            sent: self.sent + other.sent,
            repeats: self.repeats + other.repeats,
            connections: self.connections + other.connections,
            rooms: self.rooms + other.rooms,
            lost_replies: self.lost_replies + other.lost_replies,
            resets: self.resets + other.resets,
            faults,
            events: self.events + other.events,
            seconds: self.seconds + other.seconds,
        };
    }
}
