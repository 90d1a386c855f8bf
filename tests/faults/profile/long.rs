//! The long profile, by command: release builds, many runs, every seeded bug,
//! and the figures that `docs/guarantees.md` names.

use std::collections::BTreeMap;

use super::{LIMIT, bugs, figures, folder, report, runtime, tidy};
use crate::arguments::Arguments;
use crate::history::Policy;
use crate::plan::{Shape, Topology, generate};
use crate::programs::{self, Build};
use crate::run::{self, Figures};
use crate::support::seeded::Bug;

/// The seed of the first run unless another one is given.
const SEED: u64 = 1;

/// Runs all of it, or the requested parts; whether all is good.
pub(crate) fn run(arguments: &Arguments) -> bool {
    let only = arguments.only.as_deref().unwrap_or_default();
    let wanted = |name: &str| name.starts_with(only);
    let build = if arguments.debug_build {
        Build::Test
    } else {
        Build::Release
    };
    let first = arguments.seed.unwrap_or(SEED);
    let mut good = true;
    let mut total = Figures::default();
    for (name, shape, times) in shapes() {
        for seed in (first..first + times).filter(|_| wanted(name)) {
            let name = format!("{name}-{seed}");
            let plan = generate(&shape, seed);
            let program = match &arguments.before {
                Some(before) => programs::alternating(before, &programs::clean(build)),
                None => programs::clean(build),
            };
            let ran = runtime().block_on(run::run(&plan, &program, folder(&name, seed), LIMIT));
            good &= report::show(&name, &ran);
            tidy(&ran);
            if let Ok(ran) = &ran {
                total.add(&ran.figures);
            }
        }
    }
    report::print_figures("total", &total);
    if only.is_empty() {
        for missed in missed(&total) {
            println!("total: NOT enough {missed}");
            good = false;
        }
    }
    for part in figures::PARTS {
        if wanted(part.name) {
            good &= figures::show(part);
        }
    }
    if wanted("bugs") {
        good &= all_bugs(arguments.bug.as_deref(), build);
    }
    println!("{}", if good { "good" } else { "NOT good" });
    good
}

/// Every bug, or the one of this name; the clean program in the same runs, too.
fn all_bugs(name: Option<&str>, build: Build) -> bool {
    let chosen: Vec<Bug> = match name {
        Some(name) => vec![name.parse().unwrap_or_else(|error| panic!("{error}"))],
        None => Bug::ALL.to_vec(),
    };
    let mut good = true;
    let mut caught = 0;
    for bug in &chosen {
        match bugs::caught(*bug, build) {
            Ok(()) => caught += 1,
            Err(missed) => println!("{missed}"),
        }
        good &= bugs::control(*bug, build);
    }
    println!("bugs: {caught} of {} caught", chosen.len());
    good && caught == chosen.len()
}

/// What all runs together did too little of.
fn missed(total: &Figures) -> Vec<String> {
    let faults = |begins: &[&str]| -> u64 {
        let of = |name: &String| begins.iter().any(|begin| name.starts_with(begin));
        let counts = total.faults.iter().filter(|(name, _)| of(name));
        counts.map(|(_, count)| count).sum()
    };
    let least = [
        ("acknowledged sends", total.acknowledged, 200_000),
        ("kills of a server", faults(&["kill-server"]), 50),
        ("kills of a mongod", faults(&["kill-mongod"]), 25),
        ("step-downs", faults(&["step-down"]), 15),
        ("SIGSTOPs", faults(&["stop-server", "stop-mongod"]), 15),
        (
            "faults of the bus",
            faults(&["kill-nats", "stop-nats", "bus-link"]),
            50,
        ),
        ("resets", total.resets, 1_000),
        ("lost replies", total.lost_replies, 1_000),
        (
            "repeats, percent of what was sent",
            percent(total.repeats, total.sent),
            20,
        ),
        ("chat rooms", total.rooms as u64, 500),
    ];
    let short = least.into_iter().filter(|(_, did, least)| did < least);
    short
        .map(|(what, did, least)| format!("{what}: {did} of {least}"))
        .collect()
}

/// How many percent `part` is of `whole`; none of nothing.
fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or_default()
}

/// What is run, and how often, each time with another seed.
#[expect(clippy::too_many_lines, reason = "a table of the shapes")]
fn shapes() -> [(&'static str, Shape, u64); 9] {
    let large = |topology, servers, sends| Shape {
        users: 60,
        rooms: 120,
        by_api: true,
        redacts: true,
        events: true,
        ..Shape::peaceful(topology, servers, sends)
    };
    let one = Shape {
        server_kills: 9,
        server_deaths: 1,
        server_restarts: 2,
        server_stops: 3,
        long_stops: 1,
        mongod_kills: 6,
        mongod_stops: 2,
        failed_commands: 4,
        lost_replies: 20,
        hooks: Some(Policy::Refuse),
        slow_journals: 2,
        client_links: 22,
        crawling_links: 4,
        database_links: 9,
        black_databases: 1,
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
        server_deaths: 2,
        unlogged_kills: 2,
        server_restarts: 1,
        server_stops: 3,
        long_stops: 2,
        mongod_kills: 2,
        lost_replies: 6,
        client_links: 6,
        crawling_links: 2,
        database_links: 4,
        black_databases: 2,
        hooks: Some(Policy::Allow),
        ..large(Topology::Single, 2, 20_000)
    };
    let with_nats = |shape: Shape| Shape {
        nats: true,
        nats_kills: 4,
        nats_stops: 4,
        bus_links: 12,
        forgeries: 2,
        ..shape
    };
    let four = Shape {
        server_kills: 6,
        server_deaths: 2,
        unlogged_kills: 2,
        server_restarts: 4,
        server_stops: 3,
        long_stops: 1,
        mongod_kills: 2,
        client_links: 4,
        database_links: 4,
        ..large(Topology::Single, 4, 20_000)
    };
    // several servers, several mongods, and NATS
    let trio = Shape {
        server_kills: 3,
        server_deaths: 1,
        unlogged_kills: 2,
        server_stops: 2,
        mongod_kills: 2,
        step_downs: 3,
        lost_primaries: 1,
        client_links: 2,
        ..large(Topology::Trio, 3, 15_000)
    };
    let clocks = Shape {
        server_kills: 3,
        server_deaths: 1,
        unlogged_kills: 2,
        server_stops: 2,
        long_stops: 1,
        mongod_kills: 1,
        client_links: 2,
        clocks: true,
        ..large(Topology::Single, 2, 10_000)
    };
    // people block each other, and two servers have to agree on what is withheld
    let withheld = Shape {
        server_kills: 2,
        server_stops: 1,
        mongod_kills: 1,
        lost_replies: 2,
        client_links: 2,
        blocks: true,
        ..Shape::peaceful(Topology::Single, 2, 5_000)
    };
    [
        ("one", one, 4),
        ("three", three, 3),
        ("two", two.clone(), 3),
        ("nats-two", with_nats(two), 3),
        ("four", four.clone(), 1),
        ("nats-four", with_nats(four), 1),
        ("nats-trio", with_nats(trio), 1),
        ("clocks", clocks, 1),
        ("withheld", withheld, 1),
    ]
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
