//! One run: a plan carried out, its history judged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use crate::application::{Api, Puller};
use crate::check::{Violation, check};
use crate::dump::{dump, users_hash};
use crate::history::{Dump, History};
use crate::inject::inject;
use crate::people::{Habits, Person, World, leave_some, read_everything, witnesses};
use crate::plan::Plan;
use crate::progress;
use crate::proxy::Proxy;
use crate::recorder::Recorder;
use crate::rig::{DATABASE, Rig, bounds};

/// How long the first of them may take: should it be longer, faults come all the same.
const AT_WORK_WITHIN: Duration = Duration::from_secs(30);
/// How late the recorder may be on a busy machine.
const SLACK: Duration = Duration::from_millis(1500);
/// How long it may take until one server knows of what happened on another.
///
/// It is written 250 ms behind and looked for once a second.
const CROSS: Duration = Duration::from_millis(1_500);
/// From starting a server to its first figures, with nothing to do.
const SETTLED: Duration = Duration::from_millis(1500);

/// What came of a run.
pub(crate) struct Ran {
    /// Where its plan, history and dump are.
    pub(crate) folder: PathBuf,
    /// Whatever does not hold; empty in a good run.
    pub(crate) violations: Vec<Violation>,
    /// What the system did not do although nothing was wrong with it any more;
    /// empty in a good run, too.
    pub(crate) failures: Vec<String>,
    /// What was done.
    pub(crate) figures: Figures,
}

impl Ran {
    /// Whether there is nothing to complain of.
    pub(crate) fn is_good(&self) -> bool {
        self.violations.is_empty() && self.failures.is_empty()
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Different messages that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Different messages that were sent.
    pub(crate) sent: u64,
    /// Sends of a message that had been sent before.
    pub(crate) repeats: u64,
    /// Connections of people.
    pub(crate) connections: u64,
    /// Chat rooms.
    pub(crate) rooms: usize,
    /// Replies of the database that were lost.
    pub(crate) lost_replies: u64,
    /// Connections that were reset for themselves, not with a lost reply.
    pub(crate) resets: u64,
    /// How often each kind of fault happened.
    pub(crate) faults: BTreeMap<String, u64>,
    /// Lines of the history.
    pub(crate) events: usize,
    /// How long it took, without the start of the rig.
    pub(crate) seconds: f64,
}

/// Carries a plan out with the binary `program`, and judges it.
///
/// # Errors
/// When the run is not done within `limit`: what it waits for.
///
/// # Panics
/// Panics when the system does not come back from a fault.
pub(crate) async fn run(
    plan: &Plan,
    program: &Path,
    folder: PathBuf,
    limit: Duration,
) -> Result<Ran, String> {
    let deadline = Instant::now() + limit;
    let late = || format!("not done within {limit:?}");
    std::fs::create_dir_all(&folder).unwrap();
    plan.write(&folder.join("plan.json"));
    let users: Vec<String> = (0..plan.users).map(user_id).collect();
    let rig = timeout_at(deadline, Rig::start(plan, program, &users)).await;
    let mut rig = rig.map_err(|_| format!("{}: the servers were not started", late()))?;
    let recorder = Recorder::create(&folder.join("history.jsonl"));
    let links = rig.servers.iter();
    let links = links.map(|server| [server.clients.addr(), server.some.addr()]);
    let habits = Habits {
        restless: plan.restless,
        away_ms: plan.away_ms,
        one_by_one: plan.one_by_one,
        blocks: plan.blocks,
        redacts: plan.redacts,
        by_api: plan.by_api,
        anonymous: plan.anonymous,
        padding: plan.padding,
    };
    let apis = rig.servers.iter().map(|server| server.api.addr());
    let apis = (apis.collect(), Api::new(&rig.api_key));
    let world = World::new(recorder, links.collect(), apis, habits);
    let began = Instant::now();
    let carried_out = carry_out(plan, &users, &world, &mut rig, limit / 2);
    let carried_out = timeout_at(deadline, carried_out).await;
    let seconds = began.elapsed().as_secs_f64();
    world.recorder.flush();
    rig.keep_logs(&folder);
    let Ok((dump, faults)) = carried_out else {
        let waits = progress::describe(&world, &rig).await;
        let folder = folder.display();
        return Err(format!(
            "{}; plan and history are in {folder}\n{waits}",
            late()
        ));
    };
    let file = File::create(folder.join("dump.json")).unwrap();
    dump.write(BufWriter::new(file)).unwrap();
    let figures = Figures {
        faults,
        seconds,
        ..figures(plan, &world, &rig)
    };
    Ok(Ran {
        failures: world.failures(),
        ..judge(folder, figures)
    })
}

/// From the first line of the history to the last; the dump, and how often each kind of fault
/// happened.
async fn carry_out(
    plan: &Plan,
    users: &[String],
    world: &Arc<World>,
    rig: &mut Rig,
    work_within: Duration,
) -> (Dump, BTreeMap<String, u64>) {
    let users_before = users_hash(&rig.database.uri(), DATABASE).await.unwrap();
    head(world, plan);
    sleep(SETTLED).await;
    samples(world, rig, "baseline").await;

    if let Some(receiver) = &rig.receiver {
        receiver.open(world);
    }
    if let Some(hooks) = &rig.hooks {
        hooks.open(world);
    }
    world.progress.stage("the first cursor of the events");
    let puller = if plan.pulls {
        Some(Puller::start(world, plan.seed).await)
    } else {
        None
    };
    world.recorder.write("phase", json!({ "name": "work" }));
    world.progress.stage("the witnesses come");
    let witnesses = witnesses(world, users).await;
    let people = people(plan, users, world);
    let people: Vec<_> = people
        .into_iter()
        .map(|person| tokio::spawn(person.work()))
        .collect();
    world.progress.stage("the people come");
    until_at_work(world, plan.sends / 10).await;
    let faults = inject(world, rig, &plan.steps).await;
    let sends = plan.sends;
    world
        .progress
        .stage(format!("until {sends} sends are acknowledged"));
    // half of the time: then there is enough left to judge what was done instead
    let deadline = Instant::now() + work_within;
    while world.tally.acknowledged.load(Ordering::Relaxed) < plan.sends {
        if Instant::now() >= deadline {
            let waits = progress::describe(world, rig).await;
            world.fail(format!("after {work_within:?}: {waits}"));
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    world.recorder.write("phase", json!({ "name": "quiet" }));
    world.hush();
    world.progress.stage("the witnesses leave");
    let mut settled = Vec::new();
    for witness in witnesses {
        witness.end().await;
    }
    world.progress.stage("the people settle what is open");
    for person in people {
        settled.push(person.await.expect("a person does not panic"));
    }
    let dump = finish(world, rig, settled, puller).await;
    world.progress.stage("a last look at the users");
    let users_after = users_hash(&rig.database.uri(), DATABASE).await.unwrap();
    assert_eq!(
        users_before, users_after,
        "the application's users were written"
    );
    (dump, faults)
}

/// Waits until the people have come and so much is acknowledged: a fault that
/// hits nobody shows nothing.
async fn until_at_work(world: &World, sends: u64) {
    let deadline = Instant::now() + AT_WORK_WITHIN;
    while world.tally.acknowledged.load(Ordering::Relaxed) < sends && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Judges a run from what it left in its folder.
pub(crate) fn judge(folder: PathBuf, figures: Figures) -> Ran {
    let history = history(&folder);
    let dump = File::open(folder.join("dump.json")).unwrap();
    let dump = Dump::read(BufReader::new(dump)).unwrap();
    let violations = check(&history, &dump);
    let text: Vec<String> = violations.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    std::fs::write(folder.join("violations.txt"), text).unwrap();
    let figures = Figures {
        events: history.lines.len(),
        ..figures
    };
    Ran {
        folder,
        violations,
        failures: Vec::new(),
        figures,
    }
}

/// The history of a run, from its folder.
///
/// # Panics
/// Panics when it is none.
pub(crate) fn history(folder: &Path) -> History {
    let file = File::open(folder.join("history.jsonl")).unwrap();
    History::read(BufReader::new(file)).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Everybody comes and reads everything; some leave; nothing moves any more.
async fn finish(
    world: &Arc<World>,
    rig: &Rig,
    people: Vec<Person>,
    puller: Option<Puller>,
) -> Dump {
    world
        .progress
        .stage("until silent connections and leases have ended");
    // connections that fell silent are noticed, killed servers' leases run out
    sleep(bounds::PING_INTERVAL + bounds::PING_TIMEOUT + bounds::LEASE).await;
    world.recorder.write("phase", json!({ "name": "final" }));
    world.progress.stage("everybody reads everything");
    let reading: Vec<_> = people
        .into_iter()
        .map(|person| tokio::spawn(read_everything(person)))
        .collect();
    let mut readers = Vec::new();
    for reader in reading {
        let read = reader.await.expect("a reader does not panic");
        match read {
            Ok(reader) => readers.push(reader),
            Err(trouble) => world.fail(trouble),
        }
    }
    world.progress.stage("some leave");
    let staying = leave_some(readers).await;
    sleep(bounds::GRACE + bounds::LEASE).await;
    world.recorder.write("phase", json!({ "name": "end" }));
    world.progress.stage("the database is read");
    let dump = dump(&rig.database.uri(), DATABASE, "chat").await;
    let dump = dump.unwrap();
    world.progress.stage("the last events");
    if let Some(receiver) = &rig.receiver {
        receiver.end(&dump).await;
    }
    if let Some(puller) = puller {
        puller.end(world).await;
    }
    if let Some(hooks) = &rig.hooks {
        hooks.end().await;
    }
    world.progress.stage("the others leave");
    for (_, connection) in staying {
        connection.close().await;
    }
    for server in &rig.servers {
        let empty = bounds::PING_INTERVAL + bounds::PING_TIMEOUT + Duration::from_secs(20);
        if !server.until_empty(empty).await {
            world.fail("sockets are left over".to_owned());
        }
    }
    world.progress.stage("the last figures");
    samples(world, rig, "after").await;
    dump
}

fn figures(plan: &Plan, world: &World, rig: &Rig) -> Figures {
    let tally = &world.tally;
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Figures {
        acknowledged: read(&tally.acknowledged),
        sent: read(&tally.sent),
        repeats: read(&tally.repeats),
        connections: read(&tally.connections),
        rooms: plan.rooms.len(),
        lost_replies: rig.links().map(Proxy::lost_replies).sum(),
        // a lost reply resets its connection
        resets: rig
            .links()
            .map(|link| link.resets().saturating_sub(link.lost_replies()))
            .sum(),
        ..Figures::default()
    }
}

/// The first line of a history.
fn head(world: &World, plan: &Plan) {
    let silent = bounds::PING_INTERVAL + bounds::PING_TIMEOUT + Duration::from_secs(1);
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
    world.recorder.write(
        "run",
        json!({
            "seed": plan.seed,
            "deadlineMs": millis(bounds::DEADLINE),
            "graceMs": millis(bounds::GRACE),
            "silentMs": millis(silent),
            "leaseMs": millis(bounds::LEASE),
            "slackMs": millis(SLACK),
            "crossMs": millis(CROSS),
            "pulls": plan.pulls,
            "pushes": plan.pushes,
            "hooks": plan.hooks,
        }),
    );
}

async fn samples(world: &World, rig: &Rig, label: &str) {
    for (number, server) in rig.servers.iter().enumerate() {
        let mut sample = server.sample().await;
        if !sample["sockets"].is_u64() {
            world.fail(format!("server {number} says nothing of its sockets"));
        }
        sample["server"] = number.into();
        sample["label"] = label.into();
        world.recorder.write("sample", sample);
    }
}

fn people(plan: &Plan, users: &[String], world: &Arc<World>) -> Vec<Person> {
    let mut rng = Rng::with_seed(plan.seed);
    let person = |(number, id): (usize, &String)| {
        let contacts = plan.rooms.iter().filter_map(|&(a, b)| match number {
            n if n == a => Some(users[b].clone()),
            n if n == b => Some(users[a].clone()),
            _ => None,
        });
        let mut person = Person::new(world, id.clone(), contacts.collect(), rng.fork());
        person.apart = plan.first_apart.then_some(number == 0);
        person
    };
    users.iter().enumerate().map(person).collect()
}

/// The id of a user, by number: 24 hex digits, as an application's would be.
pub(crate) fn user_id(number: usize) -> String {
    format!("{:024x}", 0x6500_0000_0000_u64 + number as u64 + 1)
}
