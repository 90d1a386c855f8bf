//! Hooks: the application is asked, and answers late, nonsense, or nothing at all.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use fastrand::Rng;
use http::{StatusCode, header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::endpoint::Endpoint;
use crate::people::World;

/// How long an answer may take (`CHATZZ_HOOK_TIMEOUT`).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);
/// Of so many texts one is refused.
const REFUSED: u64 = 17;
/// How often nothing is answered at all for a while.
const DIES_EVERY: Duration = Duration::from_secs(9);
/// For how long.
const DEAD_FOR: Duration = Duration::from_millis(400);

/// An endpoint of the application.
pub(crate) struct Hooks {
    endpoint: Endpoint,
    state: Arc<Mutex<Asking>>,
}

struct Asking {
    began: Instant,
    /// Where it is written down.
    world: Option<Arc<World>>,
    rng: Rng,
}

/// How a question is answered.
enum Answer {
    Allow,
    Refuse,
    /// A status, a body, and of what type it is said to be.
    Nonsense(u16, &'static str, &'static str),
    /// Not in time.
    Hang,
}

impl Hooks {
    pub(crate) async fn start(seed: u64) -> Self {
        let state = Arc::new(Mutex::new(Asking {
            began: Instant::now(),
            world: None,
            rng: Rng::with_seed(seed),
        }));
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let endpoint = Endpoint::start(router).await;
        Self { endpoint, state }
    }

    pub(crate) fn url(&self) -> String {
        self.endpoint.url("/hook")
    }

    /// Begins to write down what is asked.
    pub(crate) fn open(&self, world: &Arc<World>) {
        self.state.lock().world = Some(Arc::clone(world));
    }

    /// Answers nothing more.
    pub(crate) async fn end(&self) {
        self.endpoint.close().await;
    }
}

impl Asking {
    /// Decides, and how long that takes.
    fn decide(&mut self, text: &str) -> (Answer, Duration) {
        let is_working = self.world.as_ref().is_some_and(|world| world.is_working());
        if !is_working {
            // in the end everybody is to get through
            return (Answer::Allow, Duration::ZERO);
        }
        let round = self.began.elapsed().as_millis() % DIES_EVERY.as_millis();
        if round < DEAD_FOR.as_millis() && self.began.elapsed() > DIES_EVERY {
            return (Answer::Hang, Duration::ZERO);
        }
        let answer = match self.rng.u8(..100) {
            0 => Answer::Hang,
            1 => Answer::Nonsense(200, r#"{"action":"allow","#, "application/json"),
            2 => Answer::Nonsense(200, r#"{"action":"allow","why":1}"#, "application/json"),
            3 => Answer::Nonsense(201, r#"{"action":"allow"}"#, "application/json"),
            4 => Answer::Nonsense(200, r#"{"action":"allow"}"#, "text/plain"),
            5 => Answer::Nonsense(500, r#"{"action":"allow"}"#, "application/json"),
            _ if is_refused(text) => Answer::Refuse,
            _ => Answer::Allow,
        };
        let late = match self.rng.u8(..10) {
            0 => Duration::from_millis(self.rng.u64(1..150)),
            _ => Duration::ZERO,
        };
        (answer, late)
    }
}

/// Whether the application does not want a text: by its number, so that it always says the same.
fn is_refused(text: &str) -> bool {
    let number = text
        .split(" # ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .is_some_and(|number| number % REFUSED == 0)
}

async fn answer(State(state): State<Arc<Mutex<Asking>>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let data = &asked["data"];
    let (answer, late) = {
        let text = data["message"].as_str().unwrap_or_default();
        state.lock().decide(text)
    };
    sleep(late).await;
    let verdict = match answer {
        Answer::Allow => "allow",
        Answer::Refuse => "refuse",
        Answer::Nonsense(..) | Answer::Hang => "none",
    };
    if let Some(world) = &state.lock().world {
        let line = json!({
            "verdict": verdict,
            "data": { "from": data["from"], "to": data["to"], "message": data["message"] },
        });
        // before it is known: what is stored by it comes after this line
        world.recorder.write("asked", line);
    }
    let (status, text, kind) = match answer {
        Answer::Allow => (200, r#"{"action":"allow"}"#, "application/json"),
        Answer::Refuse => (
            200,
            r#"{"action":"refuse","reason":"not here"}"#,
            "application/json",
        ),
        Answer::Nonsense(status, text, kind) => (status, text, kind),
        Answer::Hang => {
            sleep(TIMEOUT * 2).await;
            (200, r#"{"action":"allow"}"#, "application/json")
        }
    };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, kind)], Body::from(text)).into_response()
}
