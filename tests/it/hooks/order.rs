//! What one socket sends keeps its order, and nobody else waits for its hooks.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{allowing, server};
use crate::support::poll::eventually;
use crate::support::user::{code, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sends_of_one_socket_are_stored_in_order_and_each_is_answered_in_time() {
    const SENDS: u64 = 1_000;
    let service = allowing().await;
    service.decide(|_| {
        let takes = Duration::from_millis(fastrand::u64(0..=50));
        (takes, json!({ "action": "allow" }))
    });
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    let began = Instant::now();
    let acks: Vec<_> = (1..=SENDS)
        .map(|number| {
            let send = json!({ "userId": bob.id, "message": number.to_string() });
            alice.client.emit_ack_pipelined("send-message", send)
        })
        .collect();
    for (number, ack) in (1..=SENDS).zip(acks) {
        let stored = outcome(ack.await).unwrap_or_else(|error| {
            panic!("{number} after {:?}: {error}", began.elapsed());
        });
        assert_eq!(
            (&stored["seq"], &stored["message"]),
            (&json!(number), &json!(number.to_string()))
        );
    }
    assert_eq!(service.asked().len(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_in_between_lets_nothing_overtake() {
    let service = allowing().await;
    service.decide(|asked| match asked["data"]["message"].as_str() {
        Some("slow") => (Duration::from_millis(500), json!({ "action": "allow" })),
        Some("no") => (
            Duration::ZERO,
            json!({ "action": "refuse", "reason": "no" }),
        ),
        _ => (Duration::ZERO, json!({ "action": "allow" })),
    });
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;

    let acks = ["slow", "no", "", "fast"].map(|text| {
        let send = json!({ "userId": bob.id, "message": text });
        alice.client.emit_ack_pipelined("send-message", send)
    });

    let [slow, no, nothing, fast] = acks;
    assert_eq!(outcome(slow.await).unwrap()["seq"], 1);
    assert_eq!(code(outcome(no.await)), "refused");
    assert_eq!(code(outcome(nothing.await)), "bad-request");
    assert_eq!(outcome(fast.await).unwrap()["seq"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_sixteen_are_asked_about_at_a_time() {
    let service = allowing().await;
    service.delay(Duration::from_secs(3));
    let server = server(
        &service,
        "before-send",
        "refuse",
        &[
            ("CHATZZ_HOOK_TIMEOUT", "4s"),
            ("CHATZZ_REQUEST_TIMEOUT", "20s"),
        ],
    )
    .await;
    let (alice, bob) = server.pair().await;
    let send = json!({ "userId": bob.id, "message": "x" });
    let acks: Vec<_> = (0..20)
        .map(|_| {
            alice
                .client
                .emit_ack_pipelined("send-message", send.clone())
        })
        .collect();
    eventually("all places are taken", async || {
        (service.asked().len() == 16).then_some(())
    })
    .await;
    // all that was sent is at work by now, and would have been asked about
    for _ in 0..20 {
        alice.history(json!({ "userId": bob.id })).await.unwrap();
    }
    assert_eq!(service.asked().len(), 16);
    for ack in acks {
        outcome(ack.await).unwrap();
    }
    assert_eq!(server.messages().await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sends_and_adds_of_the_socket_wait_for_the_hook() {
    let service = allowing().await;
    let server = server(
        &service,
        "before-send",
        "refuse",
        &[("CHATZZ_HOOK_TIMEOUT", "4s")],
    )
    .await;
    let (alice, bob) = server.pair().await;
    service.decide(|asked| {
        let is_slow = asked["data"]["message"] == "slow";
        let takes = Duration::from_millis(if is_slow { 2_000 } else { 0 });
        (takes, json!({ "action": "allow" }))
    });
    let slow = json!({ "userId": bob.id, "message": "slow" });
    let slow = alice.client.emit_ack_pipelined("send-message", slow);
    let fast = json!({ "userId": bob.id, "message": "fast" });
    let fast = alice.client.emit_ack_pipelined("send-message", fast);
    let began = Instant::now();

    alice.history(json!({ "userId": bob.id })).await.unwrap();
    alice.types_to(&bob.id).await.unwrap();
    let others = bob.send(&alice.id, "meanwhile").await.unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(1_800),
        "{:?}",
        began.elapsed()
    );

    let [slow, fast] = [outcome(slow.await).unwrap(), outcome(fast.await).unwrap()];
    let seqs = [&others, &slow, &fast].map(|sent| sent["seq"].clone());
    assert_eq!(seqs, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_behind_an_add_is_sent_in_the_new_chat_room() {
    let service = allowing().await;
    service.delay(Duration::from_millis(200));
    let server = server(&service, "before-send,before-add", "refuse", &[]).await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let add = json!({ "userToAdd": bob.id });
    let add = alice.client.emit_ack_pipelined("add-chat-user", add);
    let sends: Vec<_> = ["1", "2"]
        .map(|text| json!({ "userId": bob.id, "message": text }))
        .map(|send| alice.client.emit_ack_pipelined("send-message", send))
        .into();
    outcome(add.await).unwrap();
    for (number, send) in (1..).zip(sends) {
        let sent: Value = outcome(send.await).unwrap();
        assert_eq!(
            (&sent["seq"], &sent["message"]),
            (&json!(number), &json!(number.to_string()))
        );
    }
    // refused, it lets what is behind it go on
    service.answer(200, &json!({ "action": "refuse", "reason": "" }));
    let carol = server.user("carol").await;
    let add = alice
        .client
        .emit_ack_pipelined("add-chat-user", json!({ "userToAdd": carol }));
    let send = json!({ "userId": carol, "message": "3" });
    let send = alice.client.emit_ack_pipelined("send-message", send);
    assert_eq!(code(outcome(add.await)), "refused");
    assert_eq!(code(outcome(send.await)), "no-chat-room");
}
