//! Log lines: their form, and that no filter makes a library print a secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy knows `#[test]` functions only, not the helpers beside them"
)]

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use chatzz::config::{LogConfig, LogFormat};
use chatzz::telemetry::{self, TelemetryError};
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tracing_subscriber::fmt::MakeWriter;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn log(filter: &str, format: LogFormat) -> LogConfig {
    LogConfig {
        filter: filter.to_owned(),
        format,
    }
}

fn logged(filter: &str, format: LogFormat, run: impl FnOnce()) -> String {
    let captured = Captured::default();
    let subscriber = telemetry::subscriber(&log(filter, format), captured.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, run);
    captured.text()
}

#[test]
fn the_filter_chooses_our_own_lines() {
    let lines = logged("info,chatzz::store=debug", LogFormat::Text, || {
        tracing::info!(target: "chatzz::events", "one");
        tracing::debug!(target: "chatzz::events", "two");
        tracing::debug!(target: "chatzz::store", "three");
    });
    assert!(lines.contains("one") && lines.contains("three"), "{lines}");
    assert!(!lines.contains("two"), "{lines}");
    assert!(!lines.contains('\u{1b}'), "colours in {lines}");
}

#[test]
fn json_lines_hold_the_fields_and_the_span() {
    let line = logged("info", LogFormat::Json, || {
        let _span = tracing::info_span!("event.send_message", socket = 7).entered();
        tracing::info!(rooms = 2, "done");
    });
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["message"], "done");
    assert_eq!(line["rooms"], 2);
    assert_eq!(line["span"]["name"], "event.send_message");
    assert_eq!(line["level"], "INFO");
}

#[test]
fn no_filter_lifts_the_caps_of_libraries() {
    let filter = "trace,socketioxide=trace,socketioxide::handler=trace,engineioxide=trace,\
                  mongodb=trace,hyper=trace,[{secret}]=trace";
    let lines = logged(filter, LogFormat::Text, || {
        let _span =
            tracing::info_span!(target: "socketioxide::client", "s", secret = "x").entered();
        tracing::debug!(target: "socketioxide::client", secret = "x", "hidden 1");
        tracing::info!(target: "socketioxide_core::adapter", "hidden 2");
        tracing::trace!(target: "engineioxide_core::payload", "hidden 3");
        tracing::error!(target: "socketioxide::handler::message", "hidden 4");
        tracing::debug!(target: "hyper_util::server", "hidden 5");
        tracing::debug!(target: "mongodb::command", "hidden 6");
        tracing::trace!(target: "tungstenite::protocol", "hidden 7");
        tracing::trace!(target: "tokio_tungstenite::compat", "hidden 8");
        tracing::debug!(target: "hickory_resolver::lookup", "hidden 9");
        tracing::warn!(target: "socketioxide::client", "seen 1");
        tracing::info!(target: "mongodb::command", "seen 2");
        tracing::trace!(target: "chatzz::events", "seen 3");
    });
    assert!(!lines.contains("hidden"), "{lines}");
    assert_eq!(lines.matches("seen").count(), 3, "{lines}");
    assert!(!lines.contains("secret"), "{lines}");
}

#[test]
fn a_filter_that_was_not_checked_is_an_error() {
    let result = telemetry::subscriber(&log("a=b=c", LogFormat::Text), io::sink);
    assert!(matches!(result, Err(TelemetryError::Filter(_))));
}

#[test]
fn starting_twice_is_an_error() {
    let quiet = log("off", LogFormat::Text);
    telemetry::init(&quiet).unwrap();
    let again = telemetry::init(&quiet);
    assert!(matches!(again, Err(TelemetryError::AlreadyStarted(_))));
}

/// How long a packet of the server may take.
const BOUND: Duration = Duration::from_secs(10);

const TOKEN: &str = "token-that-must-not-be-logged";
const TEXT: &str = "text-that-must-not-be-logged";

/// Joins a real server with a token, sends an event its handler cannot read, and a
/// second one whose answer proves that the first was handled.
async fn talk() {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("typed", async |Data::<u64>(_)| {});
        socket.on("last", async |socket: SocketRef| {
            socket.emit("done", "").unwrap();
        });
    });
    let app = axum::Router::new().layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = connect_async(url).await.unwrap();
    loop {
        let packet = timeout(BOUND, socket.next()).await.unwrap();
        let packet = packet.expect("the server closed early").unwrap();
        let packet = packet.into_text().unwrap();
        // Engine.IO open, socket.io join, the event `done`; pings come in between.
        let answers = match packet.as_str() {
            open if open.starts_with("0{") => vec![format!(r#"40{{"token":"{TOKEN}"}}"#)],
            join if join.starts_with("40{") => {
                let unreadable = format!(r#"42["typed","{TEXT}"]"#);
                vec![unreadable, r#"42["last"]"#.to_owned()]
            }
            done if done.starts_with("42[\"done\"") => break,
            _ => Vec::new(),
        };
        for answer in answers {
            socket.send(Message::text(answer)).await.unwrap();
        }
    }
    server.abort();
}

#[tokio::test]
async fn without_caps_the_library_would_log_tokens_and_texts() {
    let captured = Captured::default();
    let uncapped = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let guard = tracing::subscriber::set_default(uncapped);
    talk().await;
    drop(guard);
    let lines = captured.text();
    assert!(lines.contains(TOKEN) && lines.contains(TEXT), "{lines}");
    assert!(lines.contains("Error while extracting data"), "{lines}");
}

#[tokio::test]
async fn with_caps_neither_is_logged_at_the_finest_filter() {
    let captured = Captured::default();
    let config = log(
        "trace,socketioxide=trace,engineioxide=trace",
        LogFormat::Json,
    );
    let subscriber = telemetry::subscriber(&config, captured.clone()).unwrap();
    let guard = tracing::subscriber::set_default(subscriber);
    talk().await;
    tracing::trace!("the end");
    drop(guard);
    let lines = captured.text();
    assert!(lines.contains("the end"), "{lines}");
    assert!(!lines.contains(TOKEN) && !lines.contains(TEXT), "{lines}");
}
