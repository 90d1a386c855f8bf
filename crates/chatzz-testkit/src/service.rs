//! Another service, in this process: a login service or the application.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A service that answers everything in the same way, until changed, or as a function says.
pub struct Service {
    addr: SocketAddr,
    script: Arc<Mutex<Script>>,
    running: Option<JoinHandle<()>>,
}

const JSON: &str = "application/json";

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An answer to the JSON that was asked, and how long it takes.
pub type Decision = (Duration, Value);

type Decide = dyn Fn(&Value) -> Decision + Send + Sync;

struct Script {
    decide: Option<Arc<Decide>>,
    content_type: &'static str,
    location: Option<String>,
    status: u16,
    body: String,
    delay: Duration,
    asked: Vec<Asked>,
}

impl Service {
    /// A service that answers 200 with this.
    pub async fn answering(body: &Value) -> Self {
        let script = Script {
            decide: None,
            content_type: JSON,
            location: None,
            status: 200,
            body: body.to_string(),
            delay: Duration::ZERO,
            asked: Vec::new(),
        };
        let mut service = Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            script: Arc::new(Mutex::new(script)),
            running: None,
        };
        service.start().await;
        service
    }

    /// Listens, on the same port as before.
    pub async fn start(&mut self) {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        self.addr = listener.local_addr().unwrap();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&self.script));
        self.running = Some(tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        }));
    }

    /// Refuses connections from now on.
    pub async fn stop(&mut self) {
        let running = self.running.take().expect("it runs");
        running.abort();
        running.await.unwrap_err();
    }

    /// Answers in this way from now on.
    pub fn answer(&self, status: u16, body: &Value) {
        self.answer_text(status, &body.to_string());
    }

    /// The same with a body that need not be JSON.
    pub fn answer_text(&self, status: u16, body: &str) {
        self.answer_as(JSON, status, body);
    }

    /// The same with another content-type.
    pub fn answer_as(&self, content_type: &'static str, status: u16, body: &str) {
        let mut script = self.script.lock();
        (script.status, script.body) = (status, body.to_owned());
        (script.content_type, script.decide) = (content_type, None);
    }

    /// Answers 200 with what a function makes of each JSON that is asked, from now on.
    pub fn decide(&self, decide: impl Fn(&Value) -> Decision + Send + Sync + 'static) {
        self.answer(200, &Value::Null);
        self.script.lock().decide = Some(Arc::new(decide));
    }

    /// Answers with this body and a redirect to another place from now on.
    pub fn redirect(&self, url: &str, body: &Value) {
        self.answer(307, body);
        self.script.lock().location = Some(url.to_owned());
    }

    /// The bodies of the requests so far.
    pub fn bodies(&self) -> Vec<Value> {
        let asked = self.asked();
        let bodies = asked.iter().map(|asked| &asked.body);
        bodies
            .map(|body| serde_json::from_slice(body).expect("JSON"))
            .collect()
    }

    /// Delays answers by this much from now on.
    pub fn delay(&self, delay: Duration) {
        self.script.lock().delay = delay;
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.script.lock().asked.clone()
    }

    /// The URL of one of its paths.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let (status, text, delay, content_type, location) = {
        let mut script = script.lock();
        let (mut text, mut delay) = (script.body.clone(), script.delay);
        if let Some(decide) = &script.decide {
            let asked = serde_json::from_slice(&body).expect("JSON");
            let (takes, answer) = decide(&asked);
            (text, delay) = (answer.to_string(), delay + takes);
        }
        script.asked.push(Asked { headers, body });
        let location = script.location.clone();
        (script.status, text, delay, script.content_type, location)
    };
    tokio::time::sleep(delay).await;
    let status = StatusCode::from_u16(status).unwrap();
    // kept alive, a connection would outlive the listener
    let about = [
        (header::CONNECTION, "close"),
        (header::CONTENT_TYPE, content_type),
    ];
    let mut headers = HeaderMap::new();
    if let Some(location) = location {
        headers.insert(header::LOCATION, location.parse().unwrap());
    }
    (status, about, headers, text)
}
