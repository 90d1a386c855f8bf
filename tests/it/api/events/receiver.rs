//! The application's endpoint, which takes events or does not.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::poll::until;

/// The secret that signs.
pub(crate) const SECRET: &str = "whsec_dGhlLXNlY3JldC1vZi10aGUtcHVzaC10ZXN0cyE=";

type Decide = Box<dyn FnMut(&Value) -> u16 + Send>;

#[derive(Default)]
struct Script {
    decide: Option<Decide>,
    /// What `Retry-After` says with what is not taken.
    retry_after: Option<u64>,
    /// The events that were answered with 2xx, in this order.
    taken: Vec<Value>,
    /// How many were not.
    refused: usize,
    /// Headers and body of the last one.
    last: Option<(HeaderMap, Bytes)>,
}

/// An endpoint that checks every signature.
pub(crate) struct Receiver {
    addr: SocketAddr,
    script: Arc<Mutex<Script>>,
    running: JoinHandle<()>,
}

impl Receiver {
    /// Takes everything, until changed.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let router = Router::new().fallback(take).with_state(Arc::clone(&script));
        let running = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            addr,
            script,
            running,
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.addr)
    }

    /// Answers each event with the status that `decide` says, from now on.
    pub(crate) fn answer(&self, decide: impl FnMut(&Value) -> u16 + Send + 'static) {
        self.script.lock().decide = Some(Box::new(decide));
    }

    /// Says with what is not taken how many seconds to wait, from now on.
    pub(super) fn say_retry_after(&self, seconds: u64) {
        self.script.lock().retry_after = Some(seconds);
    }

    /// The events that were taken, in this order.
    pub(super) fn taken(&self) -> Vec<Value> {
        self.script.lock().taken.clone()
    }

    /// The texts of the messages among them.
    pub(super) fn texts(&self) -> Vec<String> {
        let taken = self.taken();
        let texts = taken.iter().filter_map(text);
        texts.map(str::to_owned).collect()
    }

    /// How many were not taken.
    pub(crate) fn refused(&self) -> usize {
        self.script.lock().refused
    }

    /// Headers and body of the last request.
    pub(super) fn last(&self) -> (HeaderMap, Bytes) {
        self.script.lock().last.clone().unwrap()
    }

    /// Waits until these texts were taken, whatever else was.
    pub(crate) async fn wait_for(&self, expected: &[&str]) {
        let within = std::time::Duration::from_secs(40);
        let all_here = async || {
            let texts = self.texts();
            let all = expected
                .iter()
                .all(|one| texts.iter().any(|text| text == one));
            all.then_some(())
        };
        until(&format!("{expected:?}"), within, all_here).await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// The text of the message that an event is about.
pub(crate) fn text(event: &Value) -> Option<&str> {
    event["data"]["message"]["message"].as_str()
}

/// Whether a signature is good, as a receiver finds out.
pub(super) fn is_signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    let header = |name: &str| headers[name].to_str().unwrap();
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
    header("webhook-signature").split(' ').any(|signature| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(signed.as_bytes());
        mac.update(body);
        let signature = signature.strip_prefix("v1,").unwrap();
        mac.verify_slice(&STANDARD.decode(signature).unwrap())
            .is_ok()
    })
}

async fn take(
    State(script): State<Arc<Mutex<Script>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap) {
    assert!(is_signed(&headers, &body, SECRET), "{headers:?}");
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["id"], headers["webhook-id"].to_str().unwrap());
    let mut script = script.lock();
    let status = script.decide.as_mut().map_or(200, |decide| decide(&event));
    let mut answer = HeaderMap::new();
    if (200..300).contains(&status) {
        script.taken.push(event);
    } else {
        script.refused += 1;
        let wait = script.retry_after.map(HeaderValue::from);
        answer.extend(wait.map(|wait| (header::RETRY_AFTER, wait)));
    }
    script.last = Some((headers, body));
    (StatusCode::from_u16(status).unwrap(), answer)
}
