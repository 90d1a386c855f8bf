//! Rates of events, by socket, user and address.

use serde_json::{Value, json};

use super::limited;
use crate::both::{Words, in_both_dialects};
use crate::support::frame::{Client, ConnectError, ConnectOptions, WIRES};
use crate::support::http::{get, request};
use crate::support::server::Server;
use crate::support::user::{Outcome, Person, code};

/// That an answer says how long to wait, at most so long.
#[track_caller]
fn assert_limited(outcome: Outcome, most_ms: u64) {
    let error = outcome.expect_err("it is over the limit");
    assert_eq!(error["code"], "rate-limited", "{error}");
    let wait = error["retryAfterMs"].as_u64().expect("a number");
    assert!((1..=most_ms).contains(&wait), "{error}");
}

in_both_dialects! { hole_18_each_kind_of_event_has_a_limit_of_its_own }

async fn hole_18_each_kind_of_event_has_a_limit_of_its_own(words: Words) {
    let server = limited(&[
        words.key(),
        ("CHATZZ_LIMIT_CONNECTS", "socket=2/1h"),
        ("CHATZZ_LIMIT_SENDS", "socket=2/1h"),
        ("CHATZZ_LIMIT_ADDS", "socket=2/1h"),
        ("CHATZZ_LIMIT_HISTORY", "socket=2/1h"),
        ("CHATZZ_LIMIT_TYPING", "socket=2/1h"),
        ("CHATZZ_LIMIT_SIGNALS", "socket=2/1h"),
        ("CHATZZ_LIMIT_EVENTS", "socket=2/1h"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    let half_an_hour = 1_800_000;

    alice.login().await.unwrap();
    assert_limited(alice.login().await, half_an_hour);
    alice.add(&bob.id).await.unwrap();
    assert_limited(alice.add(&bob.id).await, half_an_hour);
    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    assert_limited(alice.send(&bob.id, "three").await, half_an_hour);
    let page = json!({ "userId": bob.id });
    for _ in 0..2 {
        alice.history(page.clone()).await.unwrap();
    }
    assert_limited(alice.history(page).await, half_an_hour);
    let active = alice.ask("get-active-users", json!({})).await;
    assert_limited(active, 2 * half_an_hour);
    for (event, payload) in [
        ("typing", json!({ "userId": bob.id })),
        ("signal", json!({ "userId": bob.id, "data": 1 })),
    ] {
        for _ in 0..2 {
            alice.ask(event, payload.clone()).await.unwrap();
        }
        assert_limited(alice.ask(event, payload).await, half_an_hour);
    }
    alice.delivered_up_to(&bob.id, 1).await.unwrap();
    assert_eq!(
        code(alice.ask("no-such-event", json!({})).await),
        "bad-request"
    );
    assert_limited(alice.read_up_to(&bob.id, 1).await, half_an_hour);

    assert_eq!(server.messages().await.len(), 2);
    bob.send(&alice.id, "the other has a limit of their own")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_is_answered_once_over_every_wire() {
    let server = limited(&[("CHATZZ_LIMIT_SENDS", "socket=1/1h")]).await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = Person::new(Client::connect(options).await.unwrap(), alice.id.clone());
        alice.login().await.unwrap();
        alice.client.expect_envelope("user-details").await;
        alice.send(&bob.id, "one").await.unwrap();
        alice.client.expect_envelope("new-message").await;
        assert_eq!(code(alice.send(&bob.id, "two").await), "rate-limited");
        alice.client.assert_silent_for_roundtrip().await;
        let payload = json!({ "userId": bob.id, "message": "three" });
        alice.client.emit("send-message", payload).unwrap();
        let error = alice.client.expect_envelope("error").await;
        assert_eq!(error["code"], "rate-limited", "{wire:?}");
        assert_eq!(error["event"], "send-message");
        assert!(error["retryAfterMs"].is_u64(), "{error}");
        alice.client.assert_silent_for_roundtrip().await;
    }
    assert_eq!(server.messages().await.len(), WIRES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_as_long_as_asked_is_served() {
    let server = limited(&[("CHATZZ_LIMIT_SENDS", "socket=1/300ms")]).await;
    let (alice, bob) = server.pair().await;
    let mut text = 0;
    let wait = loop {
        text += 1;
        if let Err(error) = alice.send(&bob.id, &text.to_string()).await {
            break error["retryAfterMs"].as_u64().unwrap();
        }
    };
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    alice.send(&bob.id, "again").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sockets_of_a_user_share_a_limit_and_a_reconnect_does_not_lift_it() {
    let server = limited(&[("CHATZZ_LIMIT_SENDS", "user=3/1h")]).await;
    let (alice, bob) = server.pair().await;
    let second = server.another_of(&alice).await;
    alice.send(&bob.id, "one").await.unwrap();
    second.send(&bob.id, "two").await.unwrap();
    alice.client.close().await;
    second.client.close().await;
    let third = server.arrive(&alice.id).await.0;
    third.send(&bob.id, "three").await.unwrap();
    assert_limited(third.send(&bob.id, "four").await, 1_200_000);
    bob.send(&alice.id, "not mine").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_users_of_an_address_share_a_limit() {
    let server = limited(&[("CHATZZ_LIMIT_SENDS", "address=2/1h")]).await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "one").await.unwrap();
    bob.send(&alice.id, "two").await.unwrap();
    assert_limited(alice.send(&bob.id, "three").await, 1_800_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_only_so_often() {
    let server = limited(&[("CHATZZ_LIMIT_CONNECTS", "user=2/1h")]).await;
    let alice = server.user("alice").await;
    for _ in 0..2 {
        server.login(&alice).await.client.close().await;
    }
    let third = server.socket_of(&alice).await;
    assert_limited(third.login().await, 1_800_000);
    assert_eq!(code(third.add(&alice).await), "not-connected");
    server.person("bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_opens_only_so_many_sessions() {
    let server = limited(&[("CHATZZ_LIMIT_CONNECTS", "address=4/1h")]).await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        Client::connect(options).await.unwrap().close().await;
    }
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let refused = Client::connect(options).await.err().expect("it is refused");
        let is_429 = matches!(refused, ConnectError::Http { status: 429, .. });
        assert!(is_429, "{wire:?}: {refused}");
    }
    let origin = [("origin", format!("http://{}", server.addr()))];
    let origin = origin
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let open = "/socket.io/?EIO=4&transport=polling";
    let refused = request(server.addr(), "GET", open, &origin).await;
    assert_eq!(refused.status, 429);
    let body: Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(body["code"], "rate-limited");
    let seconds = refused.header("retry-after").unwrap();
    let wait = body["retryAfterMs"].as_u64().unwrap();
    assert_eq!(seconds.parse::<u64>().unwrap(), wait / 1_000 + 1);
    assert!(refused.header("access-control-allow-origin").is_some());
    // whatever an attacker does, the supervisor is answered
    assert_eq!(get(server.addr(), "/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_sends_only_so_many_requests() {
    let server = limited(&[("CHATZZ_LIMIT_REQUESTS", "5/1h")]).await;
    let abuse = "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAA";
    for _ in 0..5 {
        assert_eq!(get(server.addr(), abuse).await.status, 400);
    }
    assert_eq!(get(server.addr(), abuse).await.status, 429);
    assert_eq!(get(server.addr(), "/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_and_leaving_again_and_again_counts_like_new_sessions() {
    let server = limited(&[("CHATZZ_LIMIT_CONNECTS", "address=3/1h")]).await;
    let client = server.client().await;
    for joins in 2..=3 {
        leave_and_join(&client).await;
        server_said(&client, "40", joins).await;
    }
    leave_and_join(&client).await;
    let refused = server_said(&client, "44", 1).await;
    assert!(refused.contains("rate-limited: "), "{refused}");
}

async fn leave_and_join(client: &Client) {
    client.emit_raw("41").unwrap();
    // nothing answers; a join before the end of the leave is ignored
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    client.emit_raw("40").unwrap();
}

/// Waits until so many lines begin so; the last of them.
async fn server_said(client: &Client, beginning: &str, count: usize) -> String {
    crate::support::poll::eventually("the server says so", async || {
        let received = String::from_utf8(client.received_bytes()).unwrap();
        let mut lines = received.lines().filter(|line| line.starts_with(beginning));
        lines.nth(count - 1).map(str::to_owned)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_limits_off_nothing_is_limited() {
    let server = Server::with(&[
        ("CHATZZ_RATE_LIMITS", "off"),
        ("CHATZZ_LIMIT_SENDS", "socket=1/1h,user=1/1h,address=1/1h"),
        (
            "CHATZZ_LIMIT_CONNECTS",
            "socket=1/1h,user=1/1h,address=1/1h",
        ),
        ("CHATZZ_LIMIT_REQUESTS", "1/1h"),
        ("CHATZZ_LIMIT_ERRORS", "1/1h"),
        ("CHATZZ_LIMIT_SOCKETS", "user=1,address=1"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    let again = server.another_of(&alice).await;
    for text in ["one", "two"] {
        again.send(&bob.id, text).await.unwrap();
        assert_eq!(code(again.send(&bob.id, "").await), "bad-request");
    }
}
