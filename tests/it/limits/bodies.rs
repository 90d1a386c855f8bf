//! Bodies of polling requests: how they arrive, and those that never do.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::peers::polled_session;
use crate::support::http::{get, post};
use crate::support::server::Server;

/// How long an answer may take, and the close after it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a POST as it is written here; the status of the answer, after which the
/// connection has been closed.
pub(super) async fn raw_post(addr: SocketAddr, target: &str, headers: &str, body: &[u8]) -> u16 {
    let head = format!("POST {target} HTTP/1.1\r\nhost: {addr}\r\n{headers}\r\n\r\n");
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let answered = async {
        stream.write_all(head.as_bytes()).await.unwrap();
        // it may be refused before all of it has been written
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = timeout(PATIENCE, answered).await.expect("it ends");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer}"))
}

/// A body in chunks of so many bytes.
pub(super) fn in_chunks(body: &str, size: usize) -> String {
    let mut chunks = String::new();
    for chunk in body.as_bytes().chunks(size) {
        let text = str::from_utf8(chunk).expect("ASCII");
        write!(chunks, "{:x}\r\n{text}\r\n", chunk.len()).unwrap();
    }
    chunks + "0\r\n\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_one_byte_are_taken_as_one_body() {
    let server = Server::start().await;
    let chunked = "transfer-encoding: chunked\r\nconnection: close";
    for (eio, pings) in [(3, "1:2".repeat(40_000)), (4, "3\u{1e}".repeat(40_000))] {
        let endpoint = polled_session(server.addr(), eio).await;
        if eio == 4 {
            assert_eq!(post(server.addr(), &endpoint, "40").await.status, 200);
        }
        let body = in_chunks(&pings, 1);

        let status = raw_post(server.addr(), &endpoint, chunked, body.as_bytes()).await;

        assert_eq!(status, 200, "Engine.IO {eio}");
        assert_eq!(get(server.addr(), &endpoint).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_to_its_end_ends_with_its_session() {
    let keys = [
        ("CHATZZ_CONNECT_TIMEOUT", "500ms"),
        ("CHATZZ_PING_INTERVAL", "1s"),
        ("CHATZZ_PING_TIMEOUT", "1s"),
        ("CHATZZ_NAMESPACE", "/chat"),
    ];
    let server = Server::with(&keys).await;
    for joins in [false, true] {
        let endpoint = polled_session(server.addr(), 4).await;
        if joins {
            assert_eq!(post(server.addr(), &endpoint, "40/chat,").await.status, 200);
        }
        let promised = "content-length: 100";
        let status = raw_post(server.addr(), &endpoint, promised, b"40").await;
        assert_eq!(status, 408, "has joined: {joins}");
        assert_eq!(post(server.addr(), &endpoint, "3").await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_joins_a_session_may_send_no_more_than_a_token_needs() {
    let server = Server::with(&[("CHATZZ_NAMESPACE", "/chat")]).await;
    let auth = format!("40/chat,{{\"token\":\"{}\"}}", "x".repeat(16 * 1024));
    let long = format!("42/chat,[\"typing\",{{\"x\":\"{}\"}}]", "x".repeat(40_000));
    let joined = polled_session(server.addr(), 4).await;
    assert_eq!(post(server.addr(), &joined, &auth).await.status, 200);
    assert_eq!(get(server.addr(), &joined).await.status, 200);
    assert_eq!(post(server.addr(), &joined, &long).await.status, 200);
    let waiting = polled_session(server.addr(), 4).await;
    assert_eq!(post(server.addr(), &waiting, &long).await.status, 413);
    assert_eq!(post(server.addr(), &waiting, "3").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_engine_io_3_that_is_no_packets_is_refused() {
    let server = Server::start().await;
    for body in [&b"1:2\xff"[..], b"1:299:4", b"x:2", b"2"] {
        let endpoint = polled_session(server.addr(), 3).await;
        let headers = format!("content-length: {}\r\nconnection: close", body.len());
        let status = raw_post(server.addr(), &endpoint, &headers, body).await;
        assert_eq!(status, 400, "{body:?}");
        assert_eq!(post(server.addr(), &endpoint, "1:2").await.status, 400);
    }
}
