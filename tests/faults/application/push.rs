//! Events, pushed: to a receiver that fails now and then.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use fastrand::Rng;
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::endpoint::Endpoint;
use super::hear;
use crate::history::Dump;
use crate::people::World;

/// The secret that signs what is pushed.
pub(crate) const SECRET: &str = "whsec_dGhlLXNlY3JldC1vZi10aGUtZmF1bHQtaGFybmVzcyE=";
/// Of a hundred requests so many fail.
const FAILING: u8 = 30;
/// Of a hundred events so many fail until they were tried often.
const STUBBORN: u8 = 2;
/// How often that is: more often than it takes until an event is set aside.
const OFTEN: u32 = 7;
/// How long one may wait for the next of the last events: a chat room whose event failed
/// often rests for most of a minute before it is tried again.
const NEXT_WITHIN: Duration = Duration::from_mins(2);

/// An endpoint of the application.
pub(crate) struct Receiver {
    endpoint: Endpoint,
    state: Arc<Mutex<Receiving>>,
}

struct Receiving {
    /// Where it is written down; before, nothing is taken.
    world: Option<Arc<World>>,
    rng: Rng,
    /// Whether everything is taken.
    good: bool,
    /// Events that are refused, and how often they are to be.
    stubborn: HashMap<String, u32>,
    /// The messages that were heard of.
    messages: HashSet<String>,
}

impl Receiver {
    pub(crate) async fn start(seed: u64) -> Self {
        let state = Arc::new(Mutex::new(Receiving {
            world: None,
            rng: Rng::with_seed(seed),
            good: false,
            stubborn: HashMap::new(),
            messages: HashSet::new(),
        }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&state));
        let endpoint = Endpoint::start(router).await;
        Self { endpoint, state }
    }

    pub(crate) fn url(&self) -> String {
        self.endpoint.url("/events")
    }

    /// Begins to take events.
    pub(crate) fn open(&self, world: &Arc<World>) {
        self.state.lock().world = Some(Arc::clone(world));
    }

    /// Takes everything from now on, and waits until all that is stored was heard of. What is
    /// missing then, the checker finds.
    pub(crate) async fn end(&self, dump: &Dump) {
        self.state.lock().good = true;
        let missing = || {
            let state = self.state.lock();
            let stored = dump.messages.iter();
            stored
                .filter(|message| !state.messages.contains(&message.id))
                .count()
        };
        let (mut least, mut since) = (missing(), Instant::now());
        while least > 0 && since.elapsed() < NEXT_WITHIN {
            sleep(Duration::from_millis(50)).await;
            let now = missing();
            if now < least {
                (least, since) = (now, Instant::now());
            }
        }
        self.state.lock().world = None;
        self.endpoint.close().await;
    }
}

impl Receiving {
    /// Whether an event is taken this time.
    fn takes(&mut self, id: &str) -> bool {
        let is_new = !self.stubborn.contains_key(id);
        if is_new && self.rng.u8(..100) < STUBBORN {
            self.stubborn.insert(id.to_owned(), OFTEN);
        }
        match self.stubborn.get_mut(id) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => self.rng.u8(..100) >= FAILING,
        }
    }
}

async fn take(State(state): State<Arc<Mutex<Receiving>>>, body: Bytes) -> StatusCode {
    let mut state = state.lock();
    let Some(world) = state.world.clone() else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        world.fail(format!("what was pushed is no JSON: {body:?}"));
        return StatusCode::BAD_REQUEST;
    };
    let taken = state.good || state.takes(event["id"].as_str().unwrap_or_default());
    hear(&world, "push", &event, taken);
    if !taken {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    if let Some(id) = event["data"]["message"]["_id"].as_str() {
        state.messages.insert(id.to_owned());
    }
    StatusCode::NO_CONTENT
}
