//! `block-user`, `unblock-user`, `get-blocked-users`: one way, at once, for good.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use crate::support::server::Server;
use crate::support::user::{code, each, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn a_send_from_the_blocked_is_refused_stored_nowhere_and_announced_to_nobody() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;

    let answer = bob.block(&alice.id).await.unwrap();

    assert_eq!(answer, json!({ "blocked": true }));
    assert_eq!(bob.blocked().await, std::slice::from_ref(&alice.id));
    alice.client.drain();
    assert_eq!(code(alice.send(&bob.id, "hello").await), "blocked");
    bob.client.assert_silent_for_roundtrip().await;
    alice.client.assert_silent_for_roundtrip().await;
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_one_way() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();

    bob.send(&alice.id, "I do not listen").await.unwrap();

    let message = alice.client.wait_for("new-message").await;
    assert_eq!(message["message"], "I do not listen");
    assert!(alice.blocked().await.is_empty(), "it is bob's list");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unblocked_user_may_write_at_once() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    assert_eq!(code(alice.send(&bob.id, "one").await), "blocked");

    let answer = bob.unblock(&alice.id).await.unwrap();

    assert_eq!(answer, json!({ "blocked": false }));
    let sent = alice.send(&bob.id, "two").await.unwrap();
    assert_eq!(sent["seq"], 1, "what was refused took no number");
    assert!(bob.blocked().await.is_empty());
    let again = bob.unblock(&alice.id).await.unwrap();
    assert_eq!(again, json!({ "blocked": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_opens_no_new_chat_room_and_keeps_the_one_there_is() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let carol = server.person("carol").await;
    bob.block(&carol.id).await.unwrap();
    bob.block(&alice.id).await.unwrap();

    assert_eq!(code(carol.add(&bob.id).await), "blocked");
    assert_eq!(server.dump("chatrooms").await.len(), 1);
    bob.client.assert_silent_for_roundtrip().await;
    let contact = alice.add(&bob.id).await.unwrap();
    assert_eq!(contact["_id"], bob.id);
    assert_eq!(contact["status"], "offline");
    bob.add(&carol.id).await.unwrap();
    let adder = carol.client.expect_envelope("chat-user-added").await;
    assert_eq!(adder["status"], "offline", "who blocks is not seen");
    assert!(adder["lastOnline"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_blocks_himself_or_nobody() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    assert_eq!(code(alice.block(&alice.id).await), "bad-request");
    let nobody = json!("65a0000000000000000000ff");
    assert_eq!(code(alice.block(&nobody).await), "user-not-found");
    assert_eq!(code(alice.unblock(&nobody).await), "user-not-found");
    let operator = json!({ "$ne": null });
    assert_eq!(code(alice.block(&operator).await), "bad-request");
    let list = alice.client.emit_with_ack("get-blocked-users", json!(null));
    assert_eq!(code(outcome(list.await)), "bad-request");
    assert!(server.dump("chatprivacy").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_holds_for_every_socket_of_the_blocked_and_over_a_restart() {
    let mut server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let alices_second = server.another_of(&alice).await;
    bob.block(&alice.id).await.unwrap();
    for alice in [&alice, &alices_second] {
        assert_eq!(code(alice.send(&bob.id, "hello").await), "blocked");
    }

    server.restart().await;

    let (alice, _) = server.arrive(&alice.id).await;
    assert_eq!(code(alice.send(&bob.id, "hello").await), "blocked");
    let (bob, _) = server.arrive(&bob.id).await;
    assert_eq!(bob.blocked().await, std::slice::from_ref(&alice.id));
    assert!(server.messages().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blockers_other_sockets_are_notified_once() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let second = server.another_of(&bob).await;
    second.client.drain();
    bob.client.drain();

    bob.block(&alice.id).await.unwrap();
    bob.block(&alice.id).await.unwrap();

    let announced = second.client.expect_envelope("privacy-changed").await;
    assert_eq!(announced, json!({ "userId": alice.id, "blocked": true }));
    second.client.assert_silent_for_roundtrip().await;
    bob.unblock(&alice.id).await.unwrap();
    bob.unblock(&alice.id).await.unwrap();
    let announced = second.client.expect_envelope("privacy-changed").await;
    assert_eq!(announced, json!({ "userId": alice.id, "blocked": false }));
    second.client.assert_silent_for_roundtrip().await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_stays_for_both_and_can_be_read() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "before").await.unwrap();

    bob.block(&alice.id).await.unwrap();

    for (person, other) in [(&alice, &bob), (&bob, &alice)] {
        let page = person.history(json!({ "userId": other.id })).await.unwrap();
        assert_eq!(each(&page["messages"], "message"), ["before"]);
    }
    let read = bob.read_up_to(&alice.id, 1).await.unwrap();
    assert_eq!(read, json!({ "read": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_what_was_stored_before_the_block_is_answered_with_it() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let stored = alice.send_with(&bob.id, "once", "key").await.unwrap();
    bob.block(&alice.id).await.unwrap();

    let again = alice.send_with(&bob.id, "once", "key").await.unwrap();

    assert_eq!(again["_id"], stored["_id"]);
    assert_eq!(again["duplicate"], true);
    let other = alice.send_with(&bob.id, "other", "key").await;
    assert_eq!(code(other), "client-id-conflict");
    let new = alice.send_with(&bob.id, "new", "another key").await;
    assert_eq!(code(new), "blocked");
    assert_eq!(server.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sends_while_somebody_blocks_each_is_stored_and_announced_or_refused() {
    const SENDS: usize = 300;
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let alice = Arc::new(alice);
    let sends: Vec<_> = (0..SENDS)
        .map(|number| {
            let payload = json!({ "userId": bob.id, "message": format!("{number}") });
            alice.client.emit_ack_pipelined("send-message", payload)
        })
        .collect();
    // some are stored, many are not sent yet
    bob.client.wait_for("new-message").await;

    bob.block(&alice.id).await.unwrap();
    let after = alice.send(&bob.id, "after the block").await;

    assert_eq!(code(after), "blocked");
    let answers: Vec<_> = join_all(sends).await.into_iter().map(outcome).collect();
    let stored: Vec<i64> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok()?["seq"].as_i64())
        .collect();
    let gapless: Vec<i64> = (1..).take(stored.len()).collect();
    assert_eq!(stored, gapless);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.clone().all(|error| error["code"] == "blocked"));
    assert_eq!(stored.len() + refused.count(), SENDS);
    assert_eq!(server.messages().await.len(), stored.len());
    let mut announced = 1;
    while announced < stored.len() {
        let message = bob.client.wait_for("new-message").await;
        announced += 1;
        assert_eq!(message["seq"], announced);
    }
    bob.client.assert_silent_for_roundtrip().await;
}
