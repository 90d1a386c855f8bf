//! The checker is checked: each seeded bug has to be caught.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{folder, report, runtime, tidy};
use crate::history::Policy;
use crate::plan::{Fault, Link, Plan, Shape, Step, Topology, Trouble, generate};
use crate::programs::{self, Build};
use crate::run;
use crate::support::seeded::Bug;

/// The bugs of the fast profile, each of another kind: what is stored, what is
/// delivered, what is shown, what is answered.
pub(crate) const FAST: [Bug; 4] = [
    Bug::NoClientIdIndex,
    Bug::CursorJumps,
    Bug::LostOfflineEvent,
    Bug::UnknownAsFailed,
];
/// The seed of these runs.
const SEED: u64 = 7;
/// The longest one may take.
const LIMIT: Duration = Duration::from_mins(5);

/// Runs chatzz with a bug.
///
/// # Errors
/// When no violation of an invariant that it breaks is reported.
pub(crate) fn caught(bug: Bug, build: Build) -> Result<(), String> {
    let program = programs::seeded(build);
    let plan = plan(bug);
    let run = run::run(&plan, &program, folder(bug.name(), SEED), LIMIT);
    let ran = runtime().block_on(run);
    let ran = ran.map_err(|late| format!("{bug}: {late}"))?;
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for violation in &ran.violations {
        *found
            .entry(format!("{:?}", violation.invariant))
            .or_insert(0) += 1;
    }
    println!("{bug} (breaks {}): {found:?}", bug.breaks().join(", "));
    if bug.breaks().iter().any(|broken| found.contains_key(broken)) {
        // what was found is as it should be
        let _ = std::fs::remove_dir_all(&ran.folder);
        return Ok(());
    }
    let found = report::complaints(&ran);
    Err(format!(
        "{bug} was not caught: {}\n{found}",
        bug.description()
    ))
}

/// Runs what shows a bug without it; whether nothing is found then.
pub(crate) fn control(bug: Bug, build: Build) -> bool {
    let plan = Plan {
        bug: None,
        ..plan(bug)
    };
    let name = format!("{bug}-control");
    let program = programs::clean(build);
    let run = run::run(&plan, &program, folder(&name, SEED), LIMIT);
    let ran = runtime().block_on(run);
    let good = report::show(&name, &ran);
    tidy(&ran);
    good
}

/// What shows the bug.
#[expect(clippy::too_many_lines, reason = "a table of the bugs")]
fn plan(bug: Bug) -> Plan {
    // so many chat rooms that hardly any message is followed by one that brings it, too
    let (users, rooms) = match bug {
        Bug::OthersUnheard | Bug::SweepLeftOut | Bug::LoggedBeforeLog => (40, 500),
        _ => (12, 14),
    };
    let shape = Shape {
        users,
        rooms,
        blocks: bug == Bug::WithheldTurnsRead,
        nats: matches!(
            bug,
            Bug::HintTwice | Bug::GapUnseen | Bug::UnsealedAccepted | Bug::LaneAwaitsBus
        ),
        by_api: bug == Bug::KeyForgotten,
        redacts: bug == Bug::RedactionUnannounced,
        events: matches!(
            bug,
            Bug::PushedBeforeTaken
                | Bug::LettersOvertaken
                | Bug::LogBeforeCommit
                | Bug::LoggedBeforeLog
        ),
        hooks: (bug == Bug::SilenceAllows).then_some(Policy::Refuse),
        ..Shape::peaceful(topology(bug), servers(bug), 700)
    };
    let mut plan = generate(&shape, SEED);
    plan.bug = Some(bug.name().to_owned());
    let mut keys: &[(&str, &str)] = &[];
    let faults = match bug {
        Bug::AckBeforeInsert => vec![Fault::StopMongod { ms: 1500 }, kill_server()],
        Bug::UnjournaledWrites => vec![Fault::LosePrimary { ms: 900 }],
        Bug::CounterThenInsert => vec![Fault::KillMongod],
        Bug::MissedByStatus | Bug::CursorJumps => {
            vec![
                vanish(Link::Clients),
                vanish(Link::Some),
                vanish(Link::Clients),
            ]
        }
        Bug::GhostsStayOnline => vec![kill_server()],
        Bug::PushedBeforeTaken => vec![kill_server(); 3],
        Bug::RedactionUnannounced => {
            // who is to hear of it has to stay for longer than that may take
            plan.sends = 4_000;
            plan.restless = false;
            Vec::new()
        }
        Bug::SweepLeftOut => vec![kill_server(); 4],
        Bug::LoggedBeforeLog => {
            plan.sends = 1_500;
            plan.restless = false;
            vec![Fault::KillServerUnlogged { server: 0, ms: 700 }; 4]
        }
        Bug::LogBeforeCommit => vec![Fault::SlowJournal { ms: 1_500 }; 2],
        Bug::UnsealedAccepted => vec![Fault::ForgeFrames { ms: 1_500 }],
        Bug::LaneAwaitsBus => vec![Fault::KillNats { down_ms: 9_000 }],
        Bug::GapUnseen => {
            plan.sends = 2_500;
            plan.restless = false;
            vec![link(Link::Bus, Trouble::Reset, 400); 8]
        }
        Bug::RetryUnderNewId => {
            plan.anonymous = 60;
            // an attempt then waits 1.5 s
            keys = &[("CHATZZ_MONGODB_SELECTION_TIMEOUT", "500ms")];
            vec![
                Fault::StopMongod { ms: 2500 },
                Fault::StopMongod { ms: 2500 },
            ]
        }
        Bug::FullBufferSwallowed => {
            // everybody writes to one person, whose connection stops reading
            // now and then, shorter than it takes to be given up
            plan.padding = 3_500;
            plan.sends = 1_500;
            plan.first_apart = true;
            plan.rooms = (1..plan.users).map(|user| (0, user)).collect();
            vec![link(Link::Some, Trouble::StallDown, 3_500); 4]
        }
        Bug::SilenceConfirms => {
            // everybody writes to one person, over whose link little of it arrives: soon
            // the server waits for its buffers in the midst of a write
            plan.padding = 12_000;
            plan.sends = 1_500;
            plan.first_apart = true;
            // what is lost is not found in the history by chance
            plan.one_by_one = true;
            plan.rooms = (1..plan.users).map(|user| (0, user)).collect();
            keys = &[("CHATZZ_MESSAGE_MAX_CHARS", "16000")];
            vec![link(Link::Some, Trouble::Crawl, 8_000); 4]
        }
        Bug::ReadConfirmsDelivery => {
            // logins bring the newest of what was missed, of some contacts nothing;
            // that alone is read, and the rest is fetched in the end
            plan.away_ms = 4_000;
            plan.one_by_one = true;
            plan.sends = 1_500;
            keys = &[
                ("CHATZZ_MISSED_PER_CONTACT", "2"),
                ("CHATZZ_MISSED_TOTAL", "3"),
            ];
            Vec::new()
        }
        Bug::AnsweredTwice => {
            // each ends its connection, so that little gets done
            plan.sends = 150;
            Vec::new()
        }
        Bug::UnknownAsFailed => vec![Fault::StopMongod { ms: 5_500 }],
        _ => Vec::new(),
    };
    let keys = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    plan.keys.extend(keys);
    let steps = faults.into_iter().map(|fault| Step {
        after_ms: 1_000,
        fault,
    });
    plan.steps = steps.collect();
    plan
}

/// How many servers share the database.
fn servers(bug: Bug) -> usize {
    match bug {
        Bug::OthersUnheard
        | Bug::SweepLeftOut
        | Bug::HintTwice
        | Bug::GapUnseen
        | Bug::UnsealedAccepted
        | Bug::LaneAwaitsBus => 2,
        _ => 1,
    }
}

fn topology(bug: Bug) -> Topology {
    match bug {
        Bug::UnjournaledWrites => Topology::Trio,
        _ => Topology::Single,
    }
}

fn kill_server() -> Fault {
    Fault::KillServer {
        server: 0,
        down_ms: 0,
    }
}

/// What was on its way is lost, and nobody notices for a while.
fn vanish(of: Link) -> Fault {
    link(of, Trouble::Blackhole, 1_200)
}

fn link(link: Link, trouble: Trouble, ms: u64) -> Fault {
    Fault::Link {
        server: 0,
        link,
        trouble,
        ms,
    }
}
