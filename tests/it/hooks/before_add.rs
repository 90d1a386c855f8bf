//! `before-add`: who gets a chat room.

use serde_json::json;

use super::{KEYS, allowing, assert_signed, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_chat_room_is_not_created_and_nobody_hears_of_it() {
    let service = allowing().await;
    let server = server(&service, "before-add", "refuse", &[]).await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let refusal = json!({ "action": "refuse", "reason": "strangers", "meta": { "ask": "first" } });
    service.answer(200, &refusal);

    let refused = alice.add(&bob.id).await.unwrap_err();

    assert_eq!(refused["code"], "refused");
    assert_eq!(
        (&refused["reason"], &refused["meta"]),
        (&json!("strangers"), &json!({ "ask": "first" }))
    );
    assert!(server.dump("chatrooms").await.is_empty());
    let asked = service.asked();
    assert_signed(&asked[0], KEYS[0]);
    let body = service.bodies().remove(0);
    assert_eq!(body["type"], "before-add");
    assert_eq!(body["data"], json!({ "from": alice.id, "to": bob.id }));

    service.answer(200, &json!({ "action": "allow" }));
    bob.add(&alice.id).await.unwrap();
    let added = alice.client.expect_envelope("chat-user-added").await;
    assert_eq!(
        added["user"]["_id"].as_str().or(added["_id"].as_str()),
        bob.id.as_str()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_room_that_exists_is_not_asked_about() {
    let service = allowing().await;
    let server = server(&service, "before-add", "refuse", &[]).await;
    let (alice, bob) = server.pair().await;
    service.answer(200, &json!({ "action": "refuse", "reason": "" }));
    alice.add(&bob.id).await.unwrap();
    bob.add(&alice.id).await.unwrap();
    alice.send(&bob.id, "not asked about either").await.unwrap();
    assert_eq!(service.asked().len(), 1);
}
