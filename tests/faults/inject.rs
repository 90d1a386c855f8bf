//! Makes the faults of a plan happen, one after the other, and ends each.

use std::collections::BTreeMap;
use std::time::Duration;

use bson::doc;
use futures::future::join_all;
use mongodb::Database;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::sleep;

use crate::forger;
use crate::people::World;
use crate::plan::{Fault, Link, Step, Trouble};
use crate::proxy::{Direction, Flow, LostReplies, Proxy};
use crate::rig::Rig;

/// The commands whose replies are lost.
const WRITES: [&str; 2] = ["insert", "update"];
/// How long a server whose last messages are not logged is dead before entries are taken
/// again, and then before it is started.
const UNLOGGED_DOWN: Duration = Duration::from_millis(200);
/// How long replies may take to be lost, should little be written.
const LOSE_WITHIN: Duration = Duration::from_secs(4);
/// How long after a fault of the database it may take until it can be written to.
const HEALED_WITHIN: Duration = Duration::from_mins(1);

/// Carries out the steps; how often each kind of fault happened.
pub(crate) async fn inject(world: &World, rig: &mut Rig, steps: &[Step]) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let now = |what: &str| {
            let (number, of, fault) = (number + 1, steps.len(), &step.fault);
            let stage = format!("fault {number} of {of}, {fault:?}: {what}");
            world.progress.stage(stage);
        };
        now("the peace before it");
        sleep(Duration::from_millis(step.after_ms)).await;
        let id = world.recorder.fault();
        let name = step.fault.name();
        let mut line = json!({
            "id": id, "what": name, "detail": step.fault,
            "stopsAnswers": step.fault.stops_answers(),
            "losesWrites": step.fault.loses_writes(),
        });
        if let Some(server) = step.fault.server() {
            line["of"] = json!({ "server": server });
        }
        world.recorder.write("fault", line);
        now("it happens");
        let happened = happen(rig, &step.fault).await;
        now("until the database is writable");
        rig.until_writable(HEALED_WITHIN).await;
        now("until every mongod has everything");
        rig.until_copied(HEALED_WITHIN).await;
        world.recorder.write("healed", json!({ "id": id }));
        if happened {
            *counted.entry(name).or_insert(0) += 1;
        }
    }
    counted
}

/// One fault from its beginning to its end; whether it came to anything.
async fn happen(rig: &mut Rig, fault: &Fault) -> bool {
    match fault {
        Fault::KillServer { server, down_ms } => {
            let down = Duration::from_millis(*down_ms);
            rig.servers[*server].kill_and_restart_after(down).await;
        }
        Fault::KillServerUnlogged { server, ms } => {
            let database = rig.raw();
            refuse_entries(&database, true).await;
            pause(*ms).await;
            let restarted = rig.servers[*server].kill_and_restart_after(UNLOGGED_DOWN * 2);
            let logs_again = async {
                sleep(UNLOGGED_DOWN).await;
                refuse_entries(&database, false).await;
            };
            tokio::join!(restarted, logs_again);
        }
        Fault::RestartServer { server } => rig.servers[*server].restart().await,
        Fault::StopServer { server, ms } => {
            let server = &rig.servers[*server];
            server.signal(Signal::SIGSTOP);
            pause(*ms).await;
            server.signal(Signal::SIGCONT);
        }
        Fault::KillMongod => rig.database.kill_and_restart().await,
        Fault::StopMongod { ms } => rig.database.stop_for(Duration::from_millis(*ms)).await,
        Fault::StepDown => rig.database.step_down().await,
        Fault::LosePrimary { ms } => {
            rig.database.lose_primary(Duration::from_millis(*ms)).await;
        }
        Fault::FailCommand { how, times } => {
            return rig.database.fail_commands(*how, *times).await;
        }
        Fault::KillNats { down_ms } => match &mut rig.nats {
            Some(nats) => {
                nats.kill();
                pause(*down_ms).await;
                nats.restart().await;
            }
            None => return false,
        },
        Fault::StopNats { ms } => match &rig.nats {
            Some(nats) => {
                nats.freeze();
                pause(*ms).await;
                nats.resume();
            }
            None => return false,
        },
        Fault::ForgeFrames { ms } => {
            let Some(nats) = &rig.nats else { return false };
            let lasts = Duration::from_millis(*ms);
            return forger::forge(nats.addr(), &rig.raw(), lasts).await > 0;
        }
        Fault::SlowJournal { ms } => {
            let slow = Duration::from_millis(*ms);
            rig.database.slow_journal(slow).await;
        }
        Fault::LoseReplies { server, count } => {
            if let Some(link) = &rig.servers[*server].database {
                let before = link.lost_replies();
                link.lose_replies(LostReplies::next(*count, &WRITES));
                let lost = async {
                    while link.lost_replies() < before + count {
                        sleep(Duration::from_millis(20)).await;
                    }
                };
                // when less is written than was to be lost, the rest passes
                let _ = tokio::time::timeout(LOSE_WITHIN, lost).await;
                link.heal();
                return link.lost_replies() > before;
            }
            return false;
        }
        Fault::Link {
            server,
            link,
            trouble,
            ms,
        } => {
            let server = &rig.servers[*server];
            let links = match link {
                Link::Clients => vec![&server.clients, &server.api],
                Link::Some => vec![&server.some],
                Link::Database => server.database.iter().collect(),
                Link::Bus => server.bus.iter().collect(),
            };
            let troubles = links.iter().map(|link| misbehave(link, *trouble, *ms));
            join_all(troubles).await;
            return !links.is_empty();
        }
    }
    true
}

/// Whether entries of the log of events are refused from now on.
async fn refuse_entries(database: &Database, refuse: bool) {
    let validator = if refuse {
        doc! { "at": "never" }
    } else {
        doc! {}
    };
    let command = doc! { "collMod": "chatzz_events", "validator": validator };
    database.run_command(command).await.unwrap();
}

/// Trouble on a link for some time.
async fn misbehave(link: &Proxy, trouble: Trouble, ms: u64) {
    let delay = Flow::Delay {
        by: Duration::from_millis(20),
        jitter: Duration::from_millis(100),
    };
    match trouble {
        Trouble::Delay => link.flow_both(delay),
        Trouble::Throttle => link.flow_both(Flow::Throttle(64 * 1024)),
        Trouble::Crawl => link.flow(Direction::Down, Flow::Throttle(1024)),
        Trouble::Slices => link.flow_both(Flow::Slices),
        Trouble::StallUp => link.flow(Direction::Up, Flow::Stall),
        Trouble::StallDown => link.flow(Direction::Down, Flow::Stall),
        Trouble::StallBoth => link.flow_both(Flow::Stall),
        Trouble::Blackhole => link.flow_both(Flow::Blackhole),
        Trouble::Reset => link.reset(),
        Trouble::HalfClose => link.half_close(Direction::Down),
        Trouble::Cut => link.cut(Direction::Down, 1..=4000),
    }
    pause(ms).await;
    if matches!(trouble, Trouble::Crawl) {
        // nothing of what is on its way may count as received
        link.reset();
    }
    link.heal();
    if matches!(trouble, Trouble::HalfClose) {
        // what is shut in one direction only is never whole again
        link.reset();
    }
}

async fn pause(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}
