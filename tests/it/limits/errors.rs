//! A client that errs too often is closed.

use std::time::Duration;

use futures::future::join_all;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::limited;
use crate::support::frame::{Ack, Client, CloseCause, ConnectOptions, PATIENCE, WIRES};
use crate::support::http::{get, post};
use crate::support::poll::eventually;
use crate::support::user::{Person, code, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn the_twentieth_error_is_answered_and_closes_the_socket_over_every_wire() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "20/1h")]).await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = Person::new(Client::connect(options).await.unwrap(), alice.id.clone());
        alice.login().await.unwrap();
        for _ in 1..20 {
            assert_eq!(code(alice.send(&bob.id, " ").await), "bad-request");
        }
        alice
            .send(&bob.id, "what is right is no error")
            .await
            .unwrap();
        assert_eq!(code(alice.ask("nonsense", json!({})).await), "bad-request");
        let closed = alice.client.closed(PATIENCE).await.unwrap();
        assert_eq!(closed, CloseCause::Disconnected, "{wire:?}");
    }
    assert_eq!(server.messages().await.len(), WIRES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_without_an_ack_count_as_well() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "3/1h")]).await;
    let alice = server.person("alice").await;
    alice.client.emit("nonsense", json!({})).unwrap();
    alice.client.emit("send-message", json!(5)).unwrap();
    alice.client.emit_bare("add-chat-user").unwrap();
    alice.client.closed(PATIENCE).await.unwrap();
    assert_eq!(alice.client.drain().len(), 3, "each was answered");
}

/// Sends so many messages at once.
fn burst(from: &Person, to: &Value, count: usize) -> Vec<Ack> {
    let send = |number| json!({ "userId": to, "message": format!("{number}") });
    let sends = (0..count).map(send);
    let emit = |payload| from.client.emit_ack_pipelined("send-message", payload);
    sends.map(emit).collect()
}

/// Every answer: `ok`, a code, or `no-answer`.
async fn answers(acks: Vec<Ack>) -> Vec<String> {
    let mut answers = Vec::new();
    for ack in acks {
        answers.push(match outcome(ack.await) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error["code"].as_str().expect("a code").to_owned(),
        });
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_over_the_limit_is_closed_and_has_every_answer_until_then() {
    let server = limited(&[
        ("CHATZZ_LIMIT_SENDS", "socket=5/1h"),
        ("CHATZZ_LIMIT_ERRORS", "2/1h"),
        ("CHATZZ_OFFLINE_GRACE", "0"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = Person::new(Client::connect(options).await.unwrap(), alice.id.clone());
        alice.login().await.unwrap();
        let answers = answers(burst(&alice, &bob.id, 300)).await;
        let refused = ["ok"; 5].iter().chain(&["rate-limited"; 100]);
        let reported: Vec<_> = refused.chain(&["no-answer"; 195]).collect();
        assert_eq!(answers.iter().collect::<Vec<_>>(), reported, "{wire:?}");
        alice.client.closed(PATIENCE).await.unwrap();
    }
    assert_eq!(server.messages().await.len(), 5 * WIRES.len());
    alice.client.close().await;
    let gone = bob.client.wait_for("chat-user-status-changed").await;
    assert_eq!(gone["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_sends_at_once_a_hundred_are_stored_and_the_rest_have_to_wait() {
    let server = limited(&[]).await;
    let (alice, bob) = server.pair().await;
    let answers = answers(burst(&alice, &bob.id, 200)).await;
    assert!(answers[..100].iter().all(|answer| answer == "ok"));
    let wait = |answer: &String| answer == "rate-limited" || answer == "ok";
    assert!(answers[100..].iter().all(wait), "{answers:?}");
    let stored = answers.iter().filter(|answer| *answer == "ok").count();
    assert_eq!(server.messages().await.len(), stored);
    alice.history(json!({ "userId": bob.id })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_the_last_error_is_stored_and_answered() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "3/1h")]).await;
    let (alice, bob) = server.pair().await;
    let sends = burst(&alice, &bob.id, 50);
    for _ in 0..3 {
        alice.client.emit("nonsense", json!({})).unwrap();
    }
    let behind = burst(&alice, &bob.id, 1);
    assert_eq!(answers(sends).await, vec!["ok"; 50]);
    assert_eq!(answers(behind).await, ["no-answer"]);
    assert_eq!(server.messages().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_behind_a_burst_has_its_answers_first() {
    let server = limited(&[]).await;
    let (alice, bob) = server.pair().await;
    let sends = burst(&alice, &bob.id, 80);
    alice.client.emit_bare("disconnect").unwrap();
    assert_eq!(answers(sends).await, vec!["ok"; 80]);
    let closed = alice.client.closed(PATIENCE).await.unwrap();
    assert_eq!(closed, CloseCause::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sends_at_once_are_all_stored_by_whoever_waits_as_asked() {
    let server = limited(&[("CHATZZ_LIMIT_SENDS", "socket=100/1s")]).await;
    let (alice, bob) = server.pair().await;
    let (alice, bob) = (&alice, &bob.id);
    let sends = (0..1_000).map(async |number| {
        let payload = json!({ "userId": bob, "message": format!("{number}") });
        for attempt in 1.. {
            let ack = alice
                .client
                .emit_ack_pipelined("send-message", payload.clone());
            match outcome(ack.await) {
                Ok(_) => return attempt,
                Err(error) => {
                    let wait = error["retryAfterMs"].as_u64();
                    let wait = wait.unwrap_or_else(|| panic!("{error}"));
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
            }
        }
        unreachable!("it goes on until it is stored")
    });
    let attempts: Vec<u32> = join_all(sends).await;
    assert_eq!(server.messages().await.len(), 1_000);
    let asked: u32 = attempts.iter().sum();
    assert!(asked < 3_000, "each has a turn of its own: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_are_spread_out_close_nothing() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "2/100ms")]).await;
    let alice = server.person("alice").await;
    for _ in 0..6 {
        assert_eq!(code(alice.ask("nonsense", json!({})).await), "bad-request");
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_client_that_stays_is_cut_off() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "2/1h")]).await;
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket",
        server.addr()
    );
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    stream.send(Message::text("40")).await.unwrap();
    while let Some(said) = stream.next().await {
        if said.unwrap().to_text().unwrap().starts_with("40") {
            break;
        }
    }
    for _ in 0..2 {
        let nonsense = Message::text("42[\"nonsense\"]");
        stream.send(nonsense).await.unwrap();
    }
    let to_the_end = async {
        let mut texts = Vec::new();
        while let Some(Ok(message)) = stream.next().await {
            texts.extend(message.to_text().map(str::to_owned));
        }
        texts
    };
    let texts = timeout(PATIENCE, to_the_end).await.expect("it ends");
    assert!(texts.iter().any(|text| text == "41"), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_client_that_goes_on_polling_is_refused() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "2/1h")]).await;
    let endpoint = "/socket.io/?EIO=4&transport=polling";
    let opened = get(server.addr(), endpoint).await.body;
    let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
    let endpoint = format!("{endpoint}&sid={}", opened["sid"].as_str().unwrap());
    assert_eq!(post(server.addr(), &endpoint, "40").await.status, 200);
    let frame = "42[\"nonsense\"]";
    assert_eq!(post(server.addr(), &endpoint, frame).await.status, 200);
    // the end of the session may overtake the answer
    let last = post(server.addr(), &endpoint, frame).await.status;
    assert!([200, 400].contains(&last), "{last}");
    eventually("its requests are refused", async || {
        let status = post(server.addr(), &endpoint, "3").await.status;
        (status == 400).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_offline_and_comes_before_the_login_ends_nothing() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "20/1h")]).await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = ConnectOptions::new(server.addr()).over(wire);
        let alice = Person::new(Client::connect(options).await.unwrap(), alice.id.clone());
        for _ in 0..30 {
            let typing = json!({ "userId": bob.id });
            alice.client.emit("typing", typing).unwrap();
        }
        for _ in 0..30 {
            let read = alice.read_up_to(&bob.id, 1).await;
            assert_eq!(code(read), "not-connected", "{wire:?}");
        }
        alice.login().await.unwrap();
        alice.send(&bob.id, "here I am").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_a_refused_login_ends_nothing_either() {
    let server = limited(&[("CHATZZ_LIMIT_ERRORS", "3/1h")]).await;
    let (alice, bob) = server.pair().await;
    let back = server.socket_of(&alice.id).await;
    let refused = back
        .ask("connect-user", json!({ "userId": "nobody" }))
        .await;
    assert_eq!(code(refused), "user-not-found");
    for _ in 0..10 {
        assert_eq!(code(back.send(&bob.id, "typed").await), "not-connected");
    }
    back.login().await.unwrap();
}
