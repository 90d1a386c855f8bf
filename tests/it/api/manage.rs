//! Acting for users: chat rooms, receipts, blocks, sockets, signals; and totals of many.

use std::time::Duration;

use serde_json::{Value, json};

use super::server;
use crate::support::poll::eventually;

/// How long a socket may take to be notified of its end.
const SOON: Duration = Duration::from_secs(10);

fn path(id: &Value, rest: &str) -> String {
    format!("/v1/users/{}/{rest}", id.as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_room_is_opened_once() {
    let (server, back_end) = server().await;
    let (alice, bob) = (server.person("alice").await, server.user("bob").await);
    let pair = json!({ "from": bob, "to": alice.id });

    let opened = back_end.call("PUT", "/v1/chat-rooms", &pair).await;
    let again = back_end.call("PUT", "/v1/chat-rooms", &pair).await;

    assert_eq!((opened.status, again.status), (201, 200));
    assert_eq!(opened.body["created"], true);
    assert_eq!(opened.body["addedBy"], bob);
    assert_eq!(opened.body["_id"], again.body["_id"]);
    assert_eq!(opened.body["members"], json!([bob, alice.id]));
    let added = alice.client.expect_envelope("chat-user-added").await;
    assert_eq!(added["_id"], bob);
    assert_eq!(added["status"], "offline");
    alice.client.assert_silent_for_roundtrip().await;
    let with_nobody = json!({ "from": bob, "to": "nobody" });
    let refused = back_end.call("PUT", "/v1/chat-rooms", &with_nobody).await;
    assert_eq!(refused.outcome(), (404, "user-not-found"));
    let with_self = json!({ "from": bob, "to": bob });
    let refused = back_end.call("PUT", "/v1/chat-rooms", &with_self).await;
    assert_eq!(refused.outcome(), (400, "cannot-add-self"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_open_a_chat_room_reads_nothing_of_it() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "between us").await.unwrap();
    let pair = json!({ "from": bob.id, "to": alice.id });

    let there = back_end.call("PUT", "/v1/chat-rooms", &pair).await;

    assert_eq!(there.status, 200);
    let fields: Vec<&String> = there.body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["_id", "addedAt", "addedBy", "members"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_marked_as_read_is_announced_to_its_sender_and_to_the_readers_devices() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    for text in ["one", "two", "three"] {
        alice.send(&bob.id, text).await.unwrap();
    }
    let read = async |body: Value| back_end.call("POST", &path(&bob.id, "read"), &body).await;

    let two = read(json!({ "with": alice.id, "upTo": 2 })).await;
    let rest = read(json!({ "with": alice.id })).await;
    let none = read(json!({ "with": alice.id })).await;

    assert_eq!(two.body["read"], 2);
    assert_eq!(rest.body["read"], 1);
    assert_eq!(none.body["read"], 0);
    for person in [&alice, &bob] {
        let change = person.client.wait_for("message-status-changed").await;
        assert_eq!(
            (&change["status"], &change["seq"]),
            (&json!("read"), &json!(2))
        );
        let change = person.client.wait_for("message-status-changed").await;
        assert_eq!(change["seq"], 3);
    }
    assert_eq!(
        read(json!({ "with": alice.id, "upTo": 0 })).await.outcome(),
        (400, "bad-request")
    );
    let stranger = server.user("carol").await;
    assert_eq!(
        read(json!({ "with": stranger })).await.outcome(),
        (404, "no-chat-room")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_blocks_and_unblocks_as_by_an_event() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;
    let target = path(&bob.id, &format!("blocks/{}", alice.id.as_str().unwrap()));

    let blocked = back_end.call_as("PUT", &target, &[], "").await;
    let news = bob.client.expect_envelope("privacy-changed").await;
    let refused = alice.send(&bob.id, "hello").await.unwrap_err();
    let unblocked = back_end.call_as("DELETE", &target, &[], "").await;

    assert_eq!(
        (blocked.status, &blocked.body["blocked"]),
        (200, &json!(true))
    );
    assert_eq!(news, json!({ "userId": alice.id, "blocked": true }));
    assert_eq!(refused["code"], "blocked");
    assert_eq!(
        (unblocked.status, &unblocked.body["blocked"]),
        (200, &json!(false))
    );
    alice.send(&bob.id, "hello").await.unwrap();
    let nobody = path(&bob.id, "blocks/nobody");
    assert_eq!(
        back_end.call_as("PUT", &nobody, &[], "").await.outcome(),
        (404, "user-not-found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sockets_of_a_user_end_and_nobody_elses() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair().await;

    let ended = back_end
        .call_as("DELETE", &path(&bob.id, "sockets"), &[], "")
        .await;

    assert_eq!((ended.status, &ended.body["ended"]), (200, &json!(1)));
    bob.client.closed(SOON).await.unwrap();
    alice.client.wait_for("chat-user-status-changed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_the_devices_that_are_connected_and_is_not_stored() {
    let (server, back_end) = server().await;
    let (bob, absent) = (server.person("bob").await, server.user("absent").await);
    let second = server.another_of(&bob).await;
    let data = json!({ "order": 17, "list": [1.5, null] });
    let signal = json!({ "data": data });

    let sent = back_end
        .call("POST", &path(&bob.id, "signals"), &signal)
        .await;
    let missed = back_end
        .call("POST", &path(&absent, "signals"), &signal)
        .await;

    assert_eq!(sent.body, json!({ "online": true }));
    for device in [&bob, &second] {
        let envelope = device.client.expect_envelope("app-signal").await;
        assert_eq!(envelope, json!({ "data": data }));
    }
    assert_eq!(missed.body, json!({ "online": false }));
    let long = json!({ "data": "x".repeat(5_000) });
    let refused = back_end
        .call("POST", &path(&bob.id, "signals"), &long)
        .await;
    assert_eq!(refused.outcome(), (400, "bad-request"));
    let nobody = back_end
        .call("POST", "/v1/users/nobody/signals", &signal)
        .await;
    assert_eq!(nobody.outcome(), (404, "user-not-found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_and_unread_messages_of_many_users_come_in_their_order() {
    let (server, back_end) = server().await;
    let (alice, bob) = server.pair_with_absent().await;
    let carol = server.user("carol").await;
    for number in 0..3 {
        let key = number.to_string();
        back_end.send(&alice.id, &bob, "to bob", &key).await;
        back_end.send(&carol, &bob, "to bob", &key).await;
    }
    let users = json!({ "users": [bob, "nobody", alice.id, carol] });

    let presence = back_end.call("POST", "/v1/presence", &users).await;

    let field = |answer: &Value, field: &str| -> Vec<Value> {
        let users = answer["users"].as_array().unwrap();
        users.iter().map(|one| one[field].clone()).collect()
    };
    assert_eq!(json!(field(&presence.body, "userId")), users["users"]);
    let statuses = field(&presence.body, "status");
    assert_eq!(statuses, ["offline", "offline", "online", "offline"]);
    eventually("the heads are written", async || {
        let unread = back_end.call("POST", "/v1/unread", &users).await;
        let counts = field(&unread.body, "unreadCount");
        let rooms = field(&unread.body, "chatRooms");
        (counts == [6, 0, 0, 0] && rooms == [2, 0, 0, 0]).then_some(())
    })
    .await;
    let (reader, _) = server.arrive(&bob).await;
    reader.read_up_to(&alice.id, 2).await.unwrap();
    eventually("what is read is not counted", async || {
        let unread = back_end.call("POST", "/v1/unread", &users).await;
        (field(&unread.body, "unreadCount") == [4, 0, 0, 0]).then_some(())
    })
    .await;
    let twice = json!({ "users": [bob, bob] });
    let unread = back_end.call("POST", "/v1/unread", &twice).await;
    assert_eq!(field(&unread.body, "unreadCount"), [4, 4]);
    let many = json!({ "users": vec!["x"; 1_001] });
    for target in ["/v1/presence", "/v1/unread"] {
        assert_eq!(
            back_end.call("POST", target, &many).await.outcome(),
            (400, "bad-request")
        );
    }
}
