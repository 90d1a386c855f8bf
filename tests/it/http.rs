//! HTTP beside the sockets: health, metrics, bounds, and who may come from where.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::free_addr;
use crate::both::{Words, in_both_dialects};
use crate::support::frame::{Client, ConnectError, ConnectOptions, WIRES};
use crate::support::http::{get, request};
use crate::support::poll;
use crate::support::server::Server;

/// How long the server may take to do what needs no waiting.
const SOON: Duration = Duration::from_secs(5);

const PAGE: &str = "https://app.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_version_are_served() {
    let server = Server::start().await;
    let health = get(server.addr(), "/healthz").await;
    assert_eq!((health.status, health.body.as_str()), (200, "ok"));
    let ready = get(server.addr(), "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready"));
    let version = get(server.addr(), "/version").await;
    let version: Value = serde_json::from_str(&version.body).unwrap();
    assert_eq!(version["name"], "chatzz");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["protocol"].is_number(), "{version}");
    assert_eq!(get(server.addr(), "/nowhere").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_on_a_listener_of_their_own_and_name_nobody() {
    let metrics = free_addr();
    let listen = metrics.to_string();
    let server = Server::with(&[("CHATZZ_METRICS_LISTEN", &listen)]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "unheard-of-text").await.unwrap();
    alice.ask("no-such-event", json!({})).await.unwrap_err();
    alice.ask("send-message", json!(5)).await.unwrap_err();

    let names = [
        "chatzz_sockets",
        "chatzz_users_online",
        "chatzz_lane_depth",
        "chatzz_batch_messages_bucket",
        "chatzz_commit_seconds_bucket",
        "chatzz_write_behind_lag_seconds",
        "chatzz_database_seconds_bucket",
        "chatzz_event_seconds_bucket",
        "chatzz_redeliveries_total",
        "chatzz_mongodb_connections",
        r#"chatzz_events_total{event="send-message",code="ok"}"#,
        r#"chatzz_events_total{event="send-message",code="bad-request"}"#,
        r#"chatzz_events_total{event="unknown",code="bad-request"}"#,
        r#"chatzz_events_total{event="connect-user",code="ok"}"#,
    ];
    let text = poll::until("every metric is there", SOON, async || {
        let text = get(metrics, "/metrics").await.body;
        names.iter().all(|name| text.contains(name)).then_some(text)
    })
    .await;
    for secret in [
        "unheard-of-text",
        "alice",
        alice.id.as_str().unwrap(),
        "127.0.0.1",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(get(server.addr(), "/metrics").await.status, 404);
    assert_eq!(
        get(metrics, "/socket.io/?EIO=4&transport=polling")
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_head_does_not_come_is_cut() {
    let server = Server::with(&[("CHATZZ_HEADER_TIMEOUT", "300ms")]).await;
    for beginning in [
        "",
        "GET /healthz HT",
        "GET /healthz HTTP/1.1\r\nhost: a\r\n",
    ] {
        let started = Instant::now();
        let mut slow = TcpStream::connect(server.addr()).await.unwrap();
        slow.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // an error or an end; an answer such as 408 may come before
        let read = timeout(SOON, slow.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "still open: {beginning:?}");
        assert!(
            started.elapsed() >= Duration::from_millis(250),
            "cut too early"
        );
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
    }
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "fast ones work").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_cap_are_closed_and_a_freed_place_is_given_again() {
    let server = Server::with(&[("CHATZZ_MAX_CONNECTIONS", "3")]).await;
    let first = server.client().await;
    let _others = (server.client().await, server.client().await);

    let mut fourth = TcpStream::connect(server.addr()).await.unwrap();
    let closed = timeout(SOON, fourth.read(&mut [0])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    first
        .emit_with_ack("still-answered", json!({}))
        .await
        .unwrap();

    first.close().await;
    poll::until("the place is free", SOON, async || {
        let options = ConnectOptions::new(server.addr());
        Client::connect(options).await.ok().map(drop)
    })
    .await;
}

/// Tries to connect from a page of this origin, over every wire.
async fn comes_from(server: &Server, origin: &str) -> Vec<Result<(), u16>> {
    let mut outcomes = Vec::new();
    for wire in WIRES {
        let mut options = ConnectOptions::new(server.addr()).over(wire);
        options.headers = vec![("origin".to_owned(), origin.to_owned())];
        outcomes.push(match Client::connect(options).await {
            Ok(client) => {
                client.emit_with_ack("hello", json!({})).await.unwrap();
                Ok(())
            }
            Err(ConnectError::Http { status, .. }) => Err(status),
            Err(other) => panic!("{wire:?} from {origin}: {other}"),
        });
    }
    outcomes
}

in_both_dialects! { hole_18_by_default_only_pages_of_the_same_host_may_connect }

async fn hole_18_by_default_only_pages_of_the_same_host_may_connect(words: Words) {
    let server = words.server().await;
    let own = format!("http://{}", server.addr());
    assert_eq!(comes_from(&server, &own).await, [Ok(()); 4]);
    for other in [
        PAGE,
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1.evil.net",
    ] {
        assert_eq!(comes_from(&server, other).await, [Err(403); 4], "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_pages_may_connect_and_no_others() {
    let server = Server::with(&[("CHATZZ_ALLOWED_ORIGINS", PAGE)]).await;
    assert_eq!(comes_from(&server, PAGE).await, [Ok(()); 4]);
    let own = format!("http://{}", server.addr());
    assert_eq!(comes_from(&server, &own).await, [Ok(()); 4]);
    for other in [
        "https://app.example.org.evil.net",
        "http://app.example.org",
        "null",
    ] {
        assert_eq!(comes_from(&server, other).await, [Err(403); 4], "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_star_every_page_may_connect() {
    let server = Server::with(&[("CHATZZ_ALLOWED_ORIGINS", "*")]).await;
    for origin in [PAGE, "null", "capacitor://localhost"] {
        assert_eq!(comes_from(&server, origin).await, [Ok(()); 4], "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_learn_which_page_may_read_answers() {
    const POLL: &str = "/socket.io/?EIO=4&transport=polling";
    const ALLOWED: &str = "access-control-allow-origin";
    let server = Server::with(&[("CHATZZ_ALLOWED_ORIGINS", PAGE)]).await;
    let ask = async |method: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
        ];
        request(server.addr(), method, POLL, &headers).await
    };

    let preflight = ask("OPTIONS", PAGE).await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header(ALLOWED), Some(PAGE));
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("POST")
    );
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization,content-type")
    );
    let opened = ask("GET", PAGE).await;
    assert_eq!((opened.status, opened.header(ALLOWED)), (200, Some(PAGE)));
    let vary = opened.header("vary").unwrap_or_default().to_lowercase();
    assert!(
        vary.contains("origin"),
        "a cache must not mix pages up: {vary}"
    );
    let refused = ask("GET", "https://evil.net").await;
    assert_eq!((refused.status, refused.header(ALLOWED)), (403, None));
    assert_eq!(
        ask("OPTIONS", "https://evil.net").await.header(ALLOWED),
        None
    );
}
