//! What one key may ask for is bounded.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::openapi::operations;
use super::{BackEnd, server, server_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_asks_too_often_is_told_to_wait() {
    let (_server, back_end) = server_with(&[("CHATZZ_API_LIMIT", "3/1h")]).await;
    for _ in 0..3 {
        assert_eq!(back_end.get("/v1/openapi.json").await.status, 200);
    }

    let refused = back_end.get("/v1/openapi.json").await;

    assert_eq!(refused.outcome(), (429, "rate-limited"));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1_200).contains(&seconds), "{seconds}");
    let wait = Duration::from_millis(refused.body["retryAfterMs"].as_u64().unwrap());
    assert!(wait <= Duration::from_secs(seconds));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_lacks_something_is_answered_with_what_to_write() {
    let (_server, back_end) = server().await;
    for (target, detail) in [
        (
            "/v1/events",
            "after: is missing. Those after this: the `cursor` of an earlier answer; `head` for what comes \
             from now on; `oldest` for all that the log still has; or an RFC 3339 time.",
        ),
        (
            "/v1/chat-rooms?user=a",
            "with: is missing. The other one of the two users.",
        ),
        (
            "/v1/events?after=head&limit=x",
            "limit: invalid digit found in string",
        ),
    ] {
        let answer = back_end.get(target).await;
        assert_eq!(answer.outcome(), (400, "bad-request"), "{target}");
        assert_eq!(answer.body["detail"], detail, "{target}");
    }
}

/// Sends a call in two parts with a pause between them, and reads its answer.
async fn send_slowly(back_end: &BackEnd, body: &str, pause: Duration) -> String {
    let mut stream = TcpStream::connect(back_end.addr).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-length: {}\r\n\r\n",
        back_end.key,
        body.len()
    );
    let (first, rest) = body.split_at(body.len() / 2);
    let (mut read, mut write) = stream.split();
    let mut answer = String::new();
    let sending = async {
        // the server need not take all of it
        let _ = write.write_all(format!("{head}{first}").as_bytes()).await;
        tokio::time::sleep(pause).await;
        let _ = write.write_all(rest.as_bytes()).await;
    };
    let ((), got) = tokio::join!(sending, read.read_to_string(&mut answer));
    drop(got);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_bounded() {
    let (server, back_end) = server().await;
    let long = json!({ "message": "x".repeat(600_000) }).to_string();

    let answer = send_slowly(&back_end, &long, Duration::ZERO).await;

    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(server.messages().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_later_than_a_call_may_take() {
    let (server, back_end) = server_with(&[("CHATZZ_REQUEST_TIMEOUT", "500ms")]).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let send = json!({ "from": alice, "to": bob, "message": "slowly", "key": "1" });

    let answer = send_slowly(&back_end, &send.to_string(), Duration::from_secs(3)).await;

    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_waited_for_no_longer_than_ten_seconds() {
    let (server, back_end) = server().await;
    let alice = server.user("alice").await;
    let calls = operations(&alice).into_iter();
    // lines may come for as long as they come
    let calls = calls.filter(|call| call.body.as_deref() != Some("application/x-ndjson"));

    let waiting = calls.map(async |call| {
        let answer = back_end.promise(&call.method, &call.target, 5).await;
        assert_eq!(answer.outcome(), (408, "bad-request"), "{}", call.target);
        assert_eq!(answer.body["stored"], "no", "{}", call.target);
    });
    let began = Instant::now();
    let waited = join_all(waiting).await.len();

    let took = began.elapsed();
    assert!(waited > 25, "{waited}");
    assert!(took >= Duration::from_secs(10), "{took:?}");
}
