//! What proxies and balancers before the server do to requests, and what they expect.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::http::{get, request};
use crate::support::server::Server;

const PAGE: &str = "https://app.example.org";
const POLL: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const HANDSHAKE: [(&str, &str); 2] = [
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_whose_upgrade_a_proxy_dropped_is_refused() {
    let server = Server::start().await;
    let answer = request(server.addr(), "GET", WEBSOCKET, &HANDSHAKE).await;
    assert_eq!(answer.status, 400);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body, json!({ "code": 3, "message": "Bad request" }));
    assert_eq!(get(server.addr(), POLL).await.status, 200);
}

/// Sends a request over a connection that stays open, and reads the head of its answer.
async fn head(stream: &mut TcpStream, target: &str, headers: &[(&str, &str)]) -> String {
    let mut request = format!("GET {target} HTTP/1.1\r\nhost: chat\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let byte = timeout(SOON, stream.read_u8()).await.unwrap();
        answer.push(byte.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_the_subprotocols_is_chosen() {
    let server = Server::start().await;
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        HANDSHAKE[0],
        HANDSHAKE[1],
    ];
    let mut plain = TcpStream::connect(server.addr()).await.unwrap();
    let answer = head(&mut plain, WEBSOCKET, &upgrade).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(!answer.contains("sec-websocket-protocol"), "{answer}");

    let mut choosy = TcpStream::connect(server.addr()).await.unwrap();
    let offer = [&upgrade[..], &[("sec-websocket-protocol", "chat, v1")]].concat();
    let answer = head(&mut choosy, WEBSOCKET, &offer).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let chosen = "\r\nsec-websocket-protocol: chat\r\n";
    assert!(answer.contains(chosen), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_outlives_the_time_for_a_head() {
    let settings = [
        ("CHATZZ_HEADER_TIMEOUT", "200ms"),
        ("CHATZZ_KEEP_ALIVE_TIMEOUT", "2s"),
    ];
    let server = Server::with(&settings).await;
    let mut kept = TcpStream::connect(server.addr()).await.unwrap();
    head(&mut kept, "/healthz", &[]).await;
    let mut body = [0; 2];
    kept.read_exact(&mut body).await.unwrap();
    let idle = Instant::now();
    // what is waited for here is that nothing happens
    let early = timeout(Duration::from_millis(600), kept.read_u8()).await;
    assert!(early.is_err(), "closed after {:?}", idle.elapsed());
    let again = head(&mut kept, "/healthz", &[]).await;
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    kept.read_exact(&mut body).await.unwrap();
    let ended = timeout(SOON, kept.read_u8())
        .await
        .expect("it ends at last");
    assert!(ended.is_err(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_beyond_its_bound_is_refused() {
    let server = Server::start().await;
    let cookie = "c".repeat(12 * 1024);
    let answer = request(server.addr(), "GET", POLL, &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, 200, "a browser with many cookies");
    let cookie = "c".repeat(32 * 1024);
    let answer = request(server.addr(), "GET", POLL, &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_allowed_may_send_credentials() {
    const CREDENTIALS: &str = "access-control-allow-credentials";
    let ask = async |server: &Server, method: &str, target: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
        ];
        request(server.addr(), method, target, &headers).await
    };
    let listed = [("CHATZZ_ALLOWED_ORIGINS", "https://app.example.org, null")];
    let server = Server::with(&listed).await;
    for (method, target) in [
        ("GET", POLL),
        ("OPTIONS", POLL),
        ("GET", "/socket.io/?EIO=4&sid=x"),
    ] {
        for origin in [PAGE, "null"] {
            let answer = ask(&server, method, target, origin).await;
            assert_eq!(
                answer.header(CREDENTIALS),
                Some("true"),
                "{method} {target}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        }
    }
    let refused = ask(&server, "GET", POLL, "https://evil.example").await;
    assert_eq!((refused.status, refused.header(CREDENTIALS)), (403, None));

    let everybody = Server::with(&[("CHATZZ_ALLOWED_ORIGINS", "*")]).await;
    let answer = ask(&everybody, "GET", POLL, PAGE).await;
    assert_eq!((answer.status, answer.header(CREDENTIALS)), (200, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_script_is_not_found_rather_than_a_bad_request() {
    let server = Server::start().await;
    for script in [
        "socket.io.js",
        "socket.io.min.js",
        "socket.io.esm.min.js.map",
    ] {
        let answer = get(server.addr(), &format!("/socket.io/{script}")).await;
        assert_eq!(answer.status, 404, "{script}");
        assert!(
            answer.body.contains("script of the client is not served"),
            "{}",
            answer.body
        );
    }
}
