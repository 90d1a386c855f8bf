//! From a seed to a plan.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use crate::history::Policy;

use super::{Failure, Fault, Link, Plan, Step, Topology, Trouble};

/// Longer than a lease, with what the recorder may be late on either side: so
/// long after a fault presence can be judged again.
const CALM_MS: u64 = 7_000;
/// How long a server stays dead whose lease is to run out, milliseconds: two leases.
const DEAD_MS: u64 = 8_000;
/// How long faults last that outlast a lease, or ping interval and ping timeout,
/// milliseconds.
const LONG_MS: std::ops::Range<u64> = 6_000..8_000;

/// How long nothing is logged before a server is killed, milliseconds.
const UNLOGGED_MS: std::ops::Range<u64> = 100..1_000;

/// By how many seconds clocks are wrong, where they are: one server's and the next one's.
const CLOCKS: [i64; 2] = [5, -5];

/// Of a hundred sends so many go by the HTTP API, where some do.
const BY_API: u8 = 33;

/// How large a run is, and how many faults it has.
#[expect(
    clippy::struct_excessive_bools,
    reason = "it is said of each part of a run whether it is there"
)]
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) topology: Topology,
    pub(crate) servers: usize,
    pub(crate) users: usize,
    pub(crate) rooms: usize,
    pub(crate) sends: u64,
    /// After how many faults everything is left alone for a while.
    pub(crate) calm_every: usize,
    pub(crate) server_kills: usize,
    /// Kills after which the server stays dead until its lease has run out.
    pub(crate) server_deaths: usize,
    /// Kills of a server whose last messages are not in the log of events.
    pub(crate) unlogged_kills: usize,
    pub(crate) server_restarts: usize,
    pub(crate) server_stops: usize,
    /// SIGSTOPs that outlast a lease.
    pub(crate) long_stops: usize,
    pub(crate) mongod_kills: usize,
    pub(crate) mongod_stops: usize,
    pub(crate) step_downs: usize,
    pub(crate) lost_primaries: usize,
    pub(crate) failed_commands: usize,
    pub(crate) lost_replies: usize,
    pub(crate) slow_journals: usize,
    pub(crate) client_links: usize,
    /// Times that a link is so slow that frames do not fit into the ping timeout.
    pub(crate) crawling_links: usize,
    pub(crate) database_links: usize,
    /// Times that a server does not reach its database for longer than a lease.
    pub(crate) black_databases: usize,
    /// Whether the servers have NATS; the figures that follow are 0 without.
    pub(crate) nats: bool,
    pub(crate) nats_kills: usize,
    pub(crate) nats_stops: usize,
    /// Times that something is wrong between a server and NATS, also in one direction.
    pub(crate) bus_links: usize,
    /// Times that somebody without the key publishes frames.
    pub(crate) forgeries: usize,
    /// Whether the servers' clocks are wrong.
    pub(crate) clocks: bool,
    /// Whether people block each other, and what they then send is withheld.
    pub(crate) blocks: bool,
    /// Whether a third of the sends go by the HTTP API.
    pub(crate) by_api: bool,
    /// Whether it removes what some messages say.
    pub(crate) redacts: bool,
    /// Whether the application pulls events, and is pushed them.
    pub(crate) events: bool,
    /// Whether it is asked about messages, and what happens when it cannot be.
    pub(crate) hooks: Option<Policy>,
}

impl Shape {
    /// A run of some people without faults yet.
    pub(crate) fn peaceful(topology: Topology, servers: usize, sends: u64) -> Self {
        Self {
            topology,
            servers,
            users: 24,
            rooms: 36,
            sends,
            calm_every: 4,
            server_kills: 0,
            server_deaths: 0,
            unlogged_kills: 0,
            server_restarts: 0,
            server_stops: 0,
            long_stops: 0,
            mongod_kills: 0,
            mongod_stops: 0,
            step_downs: 0,
            lost_primaries: 0,
            failed_commands: 0,
            lost_replies: 0,
            slow_journals: 0,
            client_links: 0,
            crawling_links: 0,
            database_links: 0,
            black_databases: 0,
            nats: false,
            nats_kills: 0,
            nats_stops: 0,
            bus_links: 0,
            forgeries: 0,
            clocks: false,
            blocks: false,
            by_api: false,
            events: false,
            redacts: false,
            hooks: None,
        }
    }
}

/// The plan of this shape and seed, always the same.
pub(crate) fn generate(shape: &Shape, seed: u64) -> Plan {
    let mut rng = Rng::with_seed(seed);
    let rooms = rooms(shape, &mut rng);
    let deck = faults(shape, &mut rng).into_iter().enumerate();
    let steps = deck.map(|(index, fault)| Step {
        after_ms: match index {
            0 => rng.u64(400..1500),
            calm if calm % shape.calm_every == 0 => CALM_MS,
            _ => rng.u64(400..1500),
        },
        fault,
    });
    let steps = steps.collect();
    Plan {
        seed,
        topology: shape.topology,
        servers: shape.servers,
        nats: shape.nats,
        clocks: if shape.clocks {
            CLOCKS.into_iter().cycle().take(shape.servers).collect()
        } else {
            Vec::new()
        },
        users: shape.users,
        rooms,
        sends: shape.sends,
        restless: true,
        first_apart: false,
        away_ms: 0,
        one_by_one: false,
        blocks: shape.blocks,
        by_api: if shape.by_api { BY_API } else { 0 },
        redacts: shape.redacts,
        pulls: shape.events,
        pushes: shape.events,
        hooks: shape.hooks,
        steps,
        anonymous: 6,
        padding: 0,
        keys: keys(shape),
        bug: None,
    }
}

/// Keys of the servers beside the usual ones.
fn keys(shape: &Shape) -> BTreeMap<String, String> {
    let withhold = ("CHATZZ_BLOCKED_SENDS".to_owned(), "withhold".to_owned());
    shape.blocks.then_some(withhold).into_iter().collect()
}

/// Different pairs; everybody is in one at least when there are enough.
fn rooms(shape: &Shape, rng: &mut Rng) -> Vec<(usize, usize)> {
    let most = shape.users * (shape.users - 1) / 2;
    let mut rooms: BTreeSet<(usize, usize)> = (0..shape.users)
        .map(|user| (user, (user + 1) % shape.users))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .take(shape.rooms)
        .collect();
    while rooms.len() < shape.rooms.min(most) {
        let (a, b) = (rng.usize(..shape.users), rng.usize(..shape.users));
        if a != b {
            rooms.insert((a.min(b), a.max(b)));
        }
    }
    rooms.into_iter().collect()
}

/// Every fault, in the order of a shuffled deck.
fn faults(shape: &Shape, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |count: usize, rng: &mut Rng, make: &dyn Fn(&mut Rng, usize) -> Fault| {
        for number in 0..count {
            let fault = make(rng, number);
            faults.push(fault);
        }
    };
    let servers = shape.servers;
    let one = |rng: &mut Rng| rng.usize(..servers);
    add(shape.server_kills, rng, &|rng, _| Fault::KillServer {
        server: one(rng),
        down_ms: 0,
    });
    add(shape.server_deaths, rng, &|rng, _| Fault::KillServer {
        server: one(rng),
        down_ms: DEAD_MS,
    });
    add(shape.unlogged_kills, rng, &|rng, _| {
        Fault::KillServerUnlogged {
            server: one(rng),
            ms: rng.u64(UNLOGGED_MS),
        }
    });
    add(shape.long_stops, rng, &|rng, _| Fault::StopServer {
        server: one(rng),
        ms: rng.u64(LONG_MS),
    });
    add(shape.server_restarts, rng, &|rng, _| Fault::RestartServer {
        server: one(rng),
    });
    add(shape.server_stops, rng, &|rng, _| Fault::StopServer {
        server: one(rng),
        ms: rng.u64(200..2500),
    });
    add(shape.mongod_kills, rng, &|_, _| Fault::KillMongod);
    add(shape.mongod_stops, rng, &|rng, _| Fault::StopMongod {
        ms: rng.u64(300..3000),
    });
    add(shape.step_downs, rng, &|_, _| Fault::StepDown);
    add(shape.lost_primaries, rng, &|rng, _| Fault::LosePrimary {
        ms: rng.u64(500..1200),
    });
    let failures = [
        Failure::Close,
        Failure::ShuttingDown,
        Failure::Interrupted,
        Failure::WriteConcern,
    ];
    add(shape.failed_commands, rng, &|rng, number| {
        Fault::FailCommand {
            how: failures[number % failures.len()],
            times: rng.u32(1..8),
        }
    });
    add(shape.lost_replies, rng, &|rng, _| Fault::LoseReplies {
        server: one(rng),
        count: rng.u64(4..40),
    });
    add(shape.slow_journals, rng, &|rng, _| Fault::SlowJournal {
        ms: rng.u64(300..1500),
    });
    let troubles = [
        Trouble::Reset,
        Trouble::Cut,
        Trouble::Blackhole,
        Trouble::HalfClose,
        Trouble::StallUp,
        Trouble::StallDown,
        Trouble::Slices,
        Trouble::Delay,
        Trouble::Throttle,
    ];
    let link = |link: Link| {
        move |rng: &mut Rng, number: usize| Fault::Link {
            server: rng.usize(..servers),
            link,
            trouble: troubles[number % troubles.len()],
            ms: rng.u64(300..2500),
        }
    };
    add(shape.client_links / 2, rng, &link(Link::Some));
    add(shape.client_links.div_ceil(2), rng, &link(Link::Clients));
    add(shape.database_links, rng, &link(Link::Database));
    add(shape.crawling_links, rng, &|rng, number| Fault::Link {
        server: one(rng),
        link: [Link::Clients, Link::Some][number % 2],
        trouble: Trouble::Crawl,
        ms: rng.u64(LONG_MS),
    });
    add(shape.black_databases, rng, &|rng, number| Fault::Link {
        server: one(rng),
        link: Link::Database,
        trouble: [Trouble::StallBoth, Trouble::Blackhole][number % 2],
        ms: rng.u64(LONG_MS),
    });
    faults.extend(faults_of_nats(shape, rng));
    rng.shuffle(&mut faults);
    faults
}

/// Those of NATS, and of the links to it.
fn faults_of_nats(shape: &Shape, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..shape.nats_kills {
        let down_ms = rng.u64(300..2500);
        faults.push(Fault::KillNats { down_ms });
    }
    for _ in 0..shape.nats_stops {
        let ms = rng.u64(300..2500);
        faults.push(Fault::StopNats { ms });
    }
    for _ in 0..shape.forgeries {
        let ms = rng.u64(500..3000);
        faults.push(Fault::ForgeFrames { ms });
    }
    let one_way_first = [
        Trouble::StallDown,
        Trouble::StallUp,
        Trouble::Blackhole,
        Trouble::Reset,
        Trouble::Cut,
        Trouble::Delay,
    ];
    let troubles = one_way_first.into_iter().cycle();
    faults.extend(troubles.take(shape.bus_links).map(|trouble| Fault::Link {
        server: rng.usize(..shape.servers),
        link: Link::Bus,
        trouble,
        ms: rng.u64(500..3000),
    }));
    faults
}
