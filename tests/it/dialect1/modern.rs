//! What 1.1.5 did not have, as its front ends see it.

use std::path::PathBuf;
use std::time::Duration;

use chatzz::id::MessageId;
use serde_json::json;

use super::arrive_in;
use crate::support::places;
use crate::support::server::Server;
use crate::support::service::Service;
use crate::support::user::{code, each};

/// A server in dialect 1 with a kind of messages.
async fn server_with_a_kind() -> Server {
    let path: PathBuf = places::temporary().join(format!("kinds-{}.json", uuid::Uuid::new_v4()));
    std::fs::write(&path, json!({ "location": {} }).to_string()).unwrap();
    let path = path.to_str().unwrap();
    Server::with(&[("CHATZZ_DIALECT", "1"), ("CHATZZ_KINDS_FILE", path)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_kind_is_its_text() {
    let server = server_with_a_kind().await;
    let (alice, bob) = server.pair().await;
    let (modern, _) = arrive_in(&server, "3", &alice.id).await;
    let send = json!({
        "userId": bob.id, "message": "I am here", "kind": "location", "data": { "lat": 1 },
    });

    modern.ask("send-message", send).await.unwrap();

    let heard = bob.client.expect_envelope("new-message").await;
    assert_eq!(heard["message"], "I am here");
    assert!(heard.get("kind").is_none() && heard.get("data").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_removed_takes_its_place_without_its_text() {
    let server = super::server().await;
    let (alice, bob) = server.pair().await;
    let sent = alice.send(&bob.id, "secret").await.unwrap();
    bob.read_message(&sent["_id"]).await.unwrap();
    // its own receipt is out before
    for person in [&alice, &bob] {
        loop {
            let change = person.client.wait_for("message-status-changed").await;
            if change["message"]["status"] == "read" {
                break;
            }
        }
        person.client.drain();
    }
    let id = MessageId::parse(sent["_id"].as_str().unwrap()).unwrap();

    server.operator().redact(id).await.unwrap();

    for person in [&alice, &bob] {
        let change = person
            .client
            .expect_envelope("message-status-changed")
            .await;
        let message = &change["message"];
        assert_eq!(
            (&message["_id"], &message["message"], &message["status"]),
            (&sent["_id"], &json!(""), &json!("read"))
        );
        person.client.drain();
    }
    let query = json!({ "userId": alice.id });
    let page = bob.history(query).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), [""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_refuses_is_silent_without_an_ack_and_has_its_reason_with_one() {
    let service = Service::answering(&json!({ "action": "allow" })).await;
    let url = service.url("/hook");
    let server = Server::with(&[
        ("CHATZZ_DIALECT", "1"),
        ("CHATZZ_HOOKS", "before-send,before-add"),
        ("CHATZZ_HOOK_URL", &url),
        (
            "CHATZZ_HOOK_SECRET",
            "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE=",
        ),
        ("CHATZZ_HOOK_FAILURE", "refuse"),
    ])
    .await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    let refusal = json!({ "action": "refuse", "reason": "no strangers" });
    service.decide(move |_| (Duration::ZERO, refusal.clone()));

    let send = json!({ "userId": bob.id, "message": "hello" });
    alice.client.emit("send-message", send).unwrap();
    let error = alice.send(&bob.id, "hello").await.unwrap_err();
    assert_eq!(
        (&error["code"], &error["reason"]),
        (&json!("refused"), &json!("no strangers"))
    );
    assert_eq!(code(alice.add(&carol).await), "refused");

    for person in [&alice, &bob] {
        person.client.assert_silent_for_roundtrip().await;
    }
    assert!(server.messages().await.is_empty());
    assert_eq!(server.dump("chatrooms").await.len(), 1);
}
