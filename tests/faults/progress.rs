//! What a run is doing at the moment, for when it does not come to its end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::Mutex;

use crate::people::World;
use crate::rig::Rig;

/// Of how many people it is said what they do.
const MAX_PEOPLE: usize = 8;
/// How many lines of each server's log are shown.
const MAX_LINES: usize = 12;

/// Who does what, and since when.
pub(crate) struct Progress {
    stage: Mutex<Doing>,
    people: Mutex<BTreeMap<String, Doing>>,
}

/// Something that is being done.
#[derive(Clone, Debug)]
struct Doing {
    what: String,
    since: Instant,
}

impl Doing {
    fn now(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            since: Instant::now(),
        }
    }

    fn seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            stage: Mutex::new(Doing::now("setting up")),
            people: Mutex::default(),
        }
    }

    /// The run as a whole waits for this from now on.
    pub(crate) fn stage(&self, what: impl Into<String>) {
        *self.stage.lock() = Doing::now(what);
    }

    /// A person is doing this from now on.
    pub(crate) fn person(&self, id: &str, what: &str) {
        self.people.lock().insert(id.to_owned(), Doing::now(what));
    }

    /// A person has nothing more to do.
    pub(crate) fn done(&self, id: &str) {
        self.people.lock().remove(id);
    }

    /// Those who have something to do, the longest first.
    fn people(&self) -> Vec<(String, Doing)> {
        let mut people: Vec<_> = self.people.lock().clone().into_iter().collect();
        people.sort_by_key(|(_, doing)| doing.since);
        people
    }
}

/// What a run that is over its limit waits for, and what its servers say.
pub(crate) async fn describe(world: &World, rig: &Rig) -> String {
    let stage = world.progress.stage.lock().clone();
    let mut text = format!("{} for {} s", stage.what, stage.seconds());
    let acknowledged = world.tally.acknowledged.load(Ordering::Relaxed);
    let connections = world.tally.connections.load(Ordering::Relaxed);
    let _ = write!(
        text,
        "; {acknowledged} sends were acknowledged over {connections} connections"
    );
    let people = world.progress.people();
    for (id, doing) in people.iter().take(MAX_PEOPLE) {
        let _ = write!(text, "\n{id}: {} for {} s", doing.what, doing.seconds());
    }
    if people.len() > MAX_PEOPLE {
        let _ = write!(text, "\nand {} people more", people.len() - MAX_PEOPLE);
    }
    for failure in world.failures().iter().take(MAX_PEOPLE) {
        let _ = write!(text, "\n{failure}");
    }
    for node in rig.database.states().await {
        let _ = write!(text, "\nmongod {node}");
    }
    for (number, server) in rig.servers.iter().enumerate() {
        let is = server.state();
        let log = server.log();
        let skipped = log.lines().count().saturating_sub(MAX_LINES);
        let _ = write!(text, "\nserver {number} {is}; its log ends with:");
        for line in log.lines().skip(skipped) {
            let _ = write!(text, "\n  {line}");
        }
    }
    text
}
