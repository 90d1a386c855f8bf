//! Notices when the machine is too busy, and not a fault of the plan, for the database to
//! answer in time.
//!
//! What servers know of each other goes through the database several times, and the bounds
//! for it allow some milliseconds each. So the harness writes something of its own, past
//! the servers and their links, again and again. As long as such a write takes too long,
//! there is a fault of the database in the history that excuses neither an answer that is
//! late nor a write that is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Client;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::people::World;

/// How long a write takes at most when nothing is wrong.
const PROMPT: Duration = Duration::from_millis(300);
/// Pause between two writes.
const PAUSE: Duration = Duration::from_millis(100);

/// What writes.
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    watching: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(world: &Arc<World>, mongo: Client) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (world, until) = (Arc::clone(world), Arc::clone(&over));
        let watching = tokio::spawn(async move {
            while !until.load(Ordering::Relaxed) {
                look(&world, &mongo).await;
                sleep(PAUSE).await;
            }
        });
        Self { over, watching }
    }

    /// Ends what it has noticed, too.
    pub(crate) async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.watching.await.expect("it does not panic");
    }
}

/// One write; it is in the history if it takes long.
async fn look(world: &World, mongo: &Client) {
    let began = Instant::now();
    let mut write = tokio::spawn(write(mongo.clone()));
    if timeout(PROMPT, &mut write).await.is_ok() {
        return;
    }
    let id = world.recorder.fault();
    let line = json!({ "id": id, "what": "slow-database", "stopsAnswers": false,
                       "losesWrites": false });
    world.recorder.write("fault", line);
    let _ = write.await;
    world.recorder.write("healed", json!({ "id": id }));
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    world.tally.slow_ms.fetch_add(took, Ordering::Relaxed);
}

/// Writes something on a majority, as often as it takes.
#[expect(clippy::disallowed_methods, reason = "a collection of the harness")]
async fn write(mongo: Client) {
    let probes = mongo.database("harness").collection::<Document>("probes");
    while probes.insert_one(doc! {}).await.is_err() {
        sleep(PAUSE).await;
    }
}
