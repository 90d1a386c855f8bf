//! `before-send`: what becomes of a message.

use serde_json::{Value, json};

use super::{KEYS, allowing, assert_signed, by_text, server};
use crate::api::{BackEnd, free_addr, key_file};
use crate::support::frame::WIRES;
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::code;
use chatzz::config::ApiScope;

/// The texts that are stored, in their order.
async fn texts(server: &Server) -> Vec<String> {
    let messages = server.messages().await;
    let text = |message: &bson::Document| message.get_str("message").unwrap().to_owned();
    messages.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_allowed_refused_replaced_or_withheld_as_the_application_says() {
    let service = allowing().await;
    service.decide(by_text);
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;

    let allowed = alice.send(&bob.id, "allow").await.unwrap();
    let refused = alice.send(&bob.id, "refuse").await.unwrap_err();
    let replaced = alice.send(&bob.id, "replace").await.unwrap();
    let withheld = alice.send(&bob.id, "withhold").await.unwrap();

    assert_eq!(allowed["message"], "allow");
    let expected = json!({
        "code": "refused",
        "message": "no phone numbers",
        "reason": "no phone numbers",
        "meta": { "rule": 7 },
    });
    assert_eq!(refused, expected);
    assert_eq!(
        (&replaced["message"], &replaced["seq"]),
        (&json!("***"), &json!(2))
    );
    assert_eq!(withheld["message"], "withhold");
    assert_eq!(texts(&server).await, ["allow", "***", "withhold"]);
    alice.send(&bob.id, "last").await.unwrap();
    for text in ["allow", "***", "last"] {
        let heard = bob.client.expect_envelope("new-message").await;
        assert_eq!(heard["message"], text);
    }
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    let seen: Vec<&Value> = crate::support::user::each(&page["messages"], "message");
    assert_eq!(seen, ["allow", "***", "last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_is_asked_with_a_request_that_every_secret_signs() {
    let service = allowing().await;
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send_with(&bob.id, "hello é", "c1").await.unwrap();

    let asked = service.asked();
    assert_eq!(asked.len(), 1);
    for key in KEYS {
        assert_signed(&asked[0], key);
    }
    assert_eq!(asked[0].headers["content-type"], "application/json");
    let body = service.bodies().remove(0);
    assert_eq!(body["type"], "before-send");
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    let data = json!({
        "from": alice.id,
        "to": bob.id,
        "chatRoomId": sent["chatRoomId"],
        "message": "hello é",
        "clientId": "c1",
    });
    assert_eq!(body["data"], data);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_every_wire_a_refusal_has_its_reason_and_meta() {
    let service = allowing().await;
    service.decide(by_text);
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    for wire in WIRES {
        let options = crate::support::frame::ConnectOptions::new(server.addr()).over(wire);
        let client = crate::support::frame::Client::connect(options)
            .await
            .unwrap();
        let person = crate::support::user::Person::new(client, alice.id.clone());
        person.login().await.unwrap();
        person.client.expect_envelope("user-details").await;
        let unheard = json!({ "userId": bob.id, "message": "refuse" });
        person.client.emit("send-message", unheard).unwrap();
        let error = person.client.expect_envelope("error").await;
        assert_eq!(error["event"], "send-message");
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&json!("refused"), &json!("no phone numbers"))
        );
        assert_eq!(error["meta"], json!({ "rule": 7 }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_without_asking_also_of_what_was_replaced() {
    let service = allowing().await;
    service.decide(by_text);
    let mut server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    let first = alice.send_with(&bob.id, "replace", "c1").await.unwrap();
    alice.send_with(&bob.id, "withhold", "c2").await.unwrap();
    server.restart().await;
    let alice = server.login(&alice.id).await;
    // by now it would refuse everything
    service.answer(200, &json!({ "action": "refuse", "reason": "closed" }));

    let again = alice.send_with(&bob.id, "replace", "c1").await.unwrap();
    assert_eq!(
        (&again["_id"], &again["duplicate"]),
        (&first["_id"], &json!(true))
    );
    assert_eq!(again["message"], "***");
    let as_shown = alice.send_with(&bob.id, "***", "c1").await.unwrap();
    assert_eq!(as_shown["duplicate"], true);
    let withheld = alice.send_with(&bob.id, "withhold", "c2").await.unwrap();
    assert_eq!(withheld["duplicate"], true);
    let other = alice.send_with(&bob.id, "replaced", "c1").await;
    assert_eq!(code(other), "client-id-conflict");
    assert_eq!(
        service.asked().len(),
        2,
        "only what was new was asked about"
    );
    let stored = server.messages().await;
    assert_eq!(stored.len(), 2);
    let digest = stored[0].get_str("asked").unwrap();
    assert!(
        digest.len() == 32 && stored[1].get("asked").is_none(),
        "{digest}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_at_once_and_replaced_differently_is_stored_once() {
    let service = allowing().await;
    let count = std::sync::atomic::AtomicU64::new(0);
    service.decide(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = json!({ "action": "replace", "message": format!("number {number}") });
        (std::time::Duration::from_millis(50), answer)
    });
    let server = server(&service, "before-send", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    let send = json!({ "userId": bob.id, "message": "x", "clientId": "c1" });
    let acks: Vec<_> = (0..5)
        .map(|_| {
            alice
                .client
                .emit_ack_pipelined("send-message", send.clone())
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for ack in acks {
        let stored = crate::support::user::outcome(ack.await).unwrap();
        ids.insert(stored["_id"].as_str().unwrap().to_owned());
    }
    assert_eq!((ids.len(), server.messages().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_come_first_and_whoever_blocked_notices_nothing_of_hooks() {
    let service = allowing().await;
    service.decide(by_text);
    let withhold = [("CHATZZ_BLOCKED_SENDS", "withhold")];
    let server = server(&service, "before-send", "refuse", &withhold).await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    // as it would be without the block: it does not show
    assert_eq!(code(alice.send(&bob.id, "refuse").await), "refused");
    alice.send(&bob.id, "allow").await.unwrap();
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_end_is_asked_only_where_it_wants_to_be() {
    let service = allowing().await;
    service.decide(by_text);
    let (file, mut keys) = key_file(&[&ApiScope::ALL]);
    let addr = free_addr();
    let listen = addr.to_string();
    let api = [
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ];
    let server = server(&service, "before-send,before-add", "refuse", &api).await;
    let back_end = BackEnd::new(addr, &keys.remove(0));
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);

    let unasked = back_end.send(&alice, &bob, "refuse", "k1").await;
    assert_eq!(unasked.outcome(), (201, "ok"));
    assert!(service.asked().is_empty());
    let send = |text: &str, key: &str| json!({ "from": alice, "to": bob, "message": text, "key": key, "ask": true });
    let refused = back_end
        .call("POST", "/v1/messages", &send("refuse", "k2"))
        .await;
    assert_eq!(refused.outcome(), (403, "refused"));
    assert_eq!(
        (&refused.body["reason"], &refused.body["stored"]),
        (&json!("no phone numbers"), &json!("no"))
    );
    assert_eq!(refused.body["meta"], json!({ "rule": 7 }));
    let replaced = back_end
        .call("POST", "/v1/messages", &send("replace", "k3"))
        .await;
    assert_eq!(
        (replaced.status, &replaced.body["message"]),
        (201, &json!("***"))
    );
    let again = back_end
        .call("POST", "/v1/messages", &send("replace", "k3"))
        .await;
    assert_eq!(
        (again.status, &again.body["duplicate"]),
        (200, &json!(true))
    );
    let data = service.bodies().remove(0)["data"].clone();
    assert_eq!(
        (&data["via"], data.get("clientId")),
        (&json!("key-0"), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_do_not_close_the_socket() {
    let service = allowing().await;
    service.decide(by_text);
    let limits = [
        ("CHATZZ_RATE_LIMITS", "on"),
        ("CHATZZ_LIMIT_ERRORS", "3/10s"),
    ];
    let server = server(&service, "before-send", "refuse", &limits).await;
    let (alice, bob) = server.pair().await;
    for _ in 0..8 {
        assert_eq!(code(alice.send(&bob.id, "refuse").await), "refused");
    }
    eventually("the next message is sent", async || {
        alice.send(&bob.id, "hello").await.ok()
    })
    .await;
}
