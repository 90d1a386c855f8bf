//! The fast profile, part of `cargo test`: 12,000 sends and 13 faults in four
//! runs, and four of the seeded bugs.
//!
//! As many go on at a time as there are cores: half of a run is waiting for leases to run out.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use super::{bugs, folder, report, runtime, tidy};
use crate::history::Policy;
use crate::plan::{Shape, Topology, generate};
use crate::programs::{self, Build};
use crate::run;

/// The seed of the fast runs: always the same, so that a failure is no news
/// of the dice.
const SEED: u64 = 2026;
/// The longest a run may take on a busy machine, such as one that builds the program with
/// the bugs beside it.
const LIMIT: Duration = Duration::from_mins(10);

/// The trials of the profile.
pub(crate) fn trials() -> Vec<Trial> {
    let runs = [
        Trial::test(
            "runs::one_server_and_one_mongod_survive_kills_and_links",
            || carry_out("one", &one()),
        ),
        Trial::test("runs::a_replica_set_survives_its_primary", || {
            carry_out("three", &three())
        }),
        Trial::test("runs::two_servers_keep_one_history", || {
            carry_out("two", &two())
        }),
        Trial::test("runs::two_servers_with_nats_keep_one_history", || {
            carry_out("two-nats", &two_with_nats())
        }),
    ];
    let mut seeded = bugs::FAST.iter().map(|bug| {
        Trial::test(format!("seeded_bugs::{bug}_is_caught"), move || {
            bugs::caught(*bug, Build::Test).map_err(Failed::from)
        })
    });
    // it builds the program with the bugs, which is to go on beside the runs
    let first = seeded.next();
    first.into_iter().chain(runs).chain(seeded).collect()
}

/// 5,000 sends, five faults.
fn one() -> Shape {
    Shape {
        calm_every: 2,
        server_kills: 1,
        mongod_kills: 1,
        lost_replies: 1,
        client_links: 1,
        crawling_links: 1,
        by_api: true,
        redacts: true,
        hooks: Some(Policy::Refuse),
        ..Shape::peaceful(Topology::Single, 1, 5_000)
    }
}

/// 3,000 sends, two faults.
fn three() -> Shape {
    Shape {
        calm_every: 1,
        step_downs: 1,
        mongod_kills: 1,
        by_api: true,
        redacts: true,
        ..Shape::peaceful(Topology::Trio, 1, 3_000)
    }
}

/// 2,000 sends, two faults, of which one outlasts a lease.
fn two() -> Shape {
    Shape {
        calm_every: 1,
        server_deaths: 1,
        server_stops: 1,
        by_api: true,
        redacts: true,
        events: true,
        ..Shape::peaceful(Topology::Single, 2, 2_000)
    }
}

/// 2,000 sends, four faults, three of them of NATS.
fn two_with_nats() -> Shape {
    Shape {
        calm_every: 2,
        server_kills: 1,
        nats: true,
        nats_kills: 1,
        nats_stops: 1,
        bus_links: 1,
        by_api: true,
        redacts: true,
        events: true,
        hooks: Some(Policy::Allow),
        ..Shape::peaceful(Topology::Single, 2, 2_000)
    }
}

fn carry_out(name: &str, shape: &Shape) -> Result<(), Failed> {
    let plan = generate(shape, SEED);
    let program = programs::clean(Build::Test);
    let run = run::run(&plan, &program, folder(name, SEED), LIMIT);
    let ran = runtime().block_on(run)?;
    report::print_figures(name, &ran.figures);
    let (did, planned) = (ran.figures.faults.values().sum::<u64>(), plan.steps.len());
    if did != planned as u64 {
        return Err(format!("{did} of {planned} faults came to something").into());
    }
    if ran.is_good() {
        tidy(&Ok(ran));
        Ok(())
    } else {
        Err(report::complaints(&ran).into())
    }
}
