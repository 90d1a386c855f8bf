//! Acting for users with the HTTP API: receipts, privacy; and how much there is.

use serde_json::{Value, json};

use super::{BackEnd, server};

fn of(who: &Value, what: &str) -> String {
    format!("/v1/users/{}/{what}", who.as_str().unwrap())
}

impl BackEnd {
    async fn set_privacy(&self, who: &Value, wanted: &Value) -> super::Answer {
        self.call("PUT", &of(who, "privacy"), wanted).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_hears_that_a_message_has_arrived() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair_with_absent().await;
    alice.send(&bob, "hello").await.unwrap();

    let target = of(&bob, "delivered");
    let first = back_end
        .call("POST", &target, &json!({ "with": alice.id }))
        .await;
    let again = back_end
        .call("POST", &target, &json!({ "with": alice.id, "upTo": 1 }))
        .await;
    let wrong = back_end
        .call("POST", &target, &json!({ "with": alice.id, "upTo": 0 }))
        .await;
    let nobody = back_end
        .call("POST", &target, &json!({ "with": "nobody" }))
        .await;

    assert_eq!(first.body, json!({ "delivered": 1 }));
    assert_eq!(again.body, json!({ "delivered": 0 }));
    assert_eq!(wrong.outcome(), (400, "bad-request"));
    assert_eq!(nobody.outcome(), (404, "user-not-found"));
    let changed = alice.client.wait_for("message-status-changed").await;
    assert_eq!(changed["status"], "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_to_a_user_can_be_set_and_is_heard_by_their_devices() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    carol.add(&bob.id).await.unwrap();
    bob.client.wait_for("chat-user-added").await;
    let wanted = json!({ "whitelistOnly": true, "whitelist": [alice.id] });

    let none = back_end.get(&of(&bob.id, "privacy")).await;
    let set = back_end.set_privacy(&bob.id, &wanted).await;
    let read = back_end.get(&of(&bob.id, "privacy")).await;

    assert_eq!(
        none.body,
        json!({ "whitelistOnly": false, "whitelist": [] })
    );
    assert_eq!((&set.body, &read.body), (&wanted, &wanted));
    let heard = bob.client.wait_for("privacy-changed").await;
    assert_eq!(heard, wanted);
    let refused = carol.send(&bob.id, "hello").await.unwrap_err();
    assert_eq!(refused["code"], "blocked");
    alice.send(&bob.id, "hello").await.unwrap();
    for (wrong, code) in [
        (json!({}), (400, "bad-request")),
        (json!({ "blocked": [] }), (400, "bad-request")),
        (json!({ "whitelist": ["nobody"] }), (404, "user-not-found")),
        (json!({ "whitelist": [bob.id] }), (400, "bad-request")),
        (json!({ "whitelist": vec![1; 1_001] }), (400, "bad-request")),
    ] {
        let answer = back_end.set_privacy(&bob.id, &wrong).await;
        assert_eq!(answer.outcome(), code, "{wrong}");
    }
    assert_eq!(back_end.get(&of(&bob.id, "privacy")).await.body, wanted);
    let nobody = back_end.get("/v1/users/nobody/privacy").await;
    assert_eq!(nobody.outcome(), (404, "user-not-found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_user_blocked_is_listed_and_reading_makes_nobody_a_chat_user() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let carol = server.user("carol").await;
    for other in [&bob.id, &carol] {
        let target = of(&alice.id, &format!("blocks/{}", other.as_str().unwrap()));
        assert_eq!(back_end.call_as("PUT", &target, &[], "").await.status, 200);
    }
    let dave = server.user("dave").await;

    let all = back_end.get(&of(&alice.id, "blocks")).await;
    let after = format!("blocks?after={}", bob.id.as_str().unwrap());
    let rest = back_end.get(&of(&alice.id, &after)).await;
    let none = back_end.get(&of(&dave, "blocks")).await;
    back_end.get(&of(&dave, "privacy")).await;
    let wrong = back_end.get(&of(&alice.id, "blocks?after=nobody")).await;

    assert_eq!(
        all.body,
        json!({ "users": [bob.id, carol], "hasMore": false })
    );
    assert_eq!(rest.body["users"], json!([carol]));
    assert_eq!(none.body["users"], json!([]));
    assert_eq!(wrong.outcome(), (404, "user-not-found"));
    assert_eq!(server.dump("chatusers").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_much_there_is() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();

    let mut stats = back_end.get("/v1/stats").await.body;
    while stats["online"] != 2 {
        stats = back_end.get("/v1/stats").await.body;
    }

    for (field, value) in [
        ("users", 2),
        ("chatRooms", 1),
        ("messages", 1),
        ("servers", 1),
    ] {
        assert_eq!(stats[field], value, "{field}: {stats}");
    }
    assert!(stats["logBehind"].as_u64().is_some(), "{stats}");
}
