//! Events, pulled: by a consumer that stores its cursor together with what it was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::hear;
use crate::people::World;

/// How long the first cursor may take.
const BEGUN_WITHIN: Duration = Duration::from_secs(20);
/// How long the last events may take.
const ENDED_WITHIN: Duration = Duration::from_secs(40);
/// Pause after a call that gave nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// A consumer, at whichever server.
pub(crate) struct Puller {
    over: Arc<AtomicBool>,
    pulling: JoinHandle<()>,
}

impl Puller {
    /// Begins with what happens from now on.
    pub(crate) async fn start(world: &Arc<World>, seed: u64) -> Self {
        let mut pull = Pull {
            world: Arc::clone(world),
            rng: Rng::with_seed(seed),
            cursor: "head".to_owned(),
        };
        let deadline = Instant::now() + BEGUN_WITHIN;
        while pull.once("0s").await.is_none() {
            assert!(Instant::now() < deadline, "there is no head of the events");
            sleep(PAUSE).await;
        }
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let pulling = tokio::spawn(async move {
            // what was there when the end was announced is in a whole answer after it
            loop {
                let is_last = until.load(Ordering::Relaxed);
                match pull.once("1s").await {
                    Some(0) if is_last => return,
                    Some(_) => {}
                    None => sleep(PAUSE).await,
                }
            }
        });
        Self { over, pulling }
    }

    /// Takes what there still is.
    pub(crate) async fn end(self, world: &World) {
        self.over.store(true, Ordering::Relaxed);
        if timeout(ENDED_WITHIN, self.pulling).await.is_err() {
            world.fail(format!("events were still pulled after {ENDED_WITHIN:?}"));
        }
    }
}

struct Pull {
    world: Arc<World>,
    rng: Rng,
    cursor: String,
}

impl Pull {
    /// One call; how many events it gave, none if it failed.
    async fn once(&mut self, wait: &str) -> Option<usize> {
        let server = self.rng.usize(..self.world.apis.len());
        let limit = self.rng.usize(1..200);
        let (addr, after) = (self.world.apis[server], &self.cursor);
        let target = format!("/v1/events?after={after}&wait={wait}&limit={limit}");
        let (good, page) = self.world.api.get(addr, &target).await?;
        if !good {
            if page["code"] == "cursor-gone" {
                self.world
                    .fail("the events of a cursor are gone".to_owned());
            }
            return None;
        }
        let events = page["events"].as_array()?;
        for event in events {
            hear(&self.world, "pull", event, true);
        }
        page["cursor"].as_str()?.clone_into(&mut self.cursor);
        let more = usize::from(page["hasMore"] == Value::Bool(true));
        Some(events.len().max(more))
    }
}
