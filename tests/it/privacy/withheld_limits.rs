//! What withholding does to receipts, repeats, typing and signals, and what it leaves.

use serde_json::json;

use super::withheld::{SECRET, assert_unheard, world};
use crate::support::server::Server;
use crate::support::user::{code, each};

#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_covers_what_is_withheld() {
    let (server, alice, bob) = world().await;
    bob.unblock(&alice.id).await.unwrap();
    alice.send(&bob.id, "two").await.unwrap();
    bob.block(&alice.id).await.unwrap();
    for _ in 3..=4 {
        alice.send(&bob.id, SECRET).await.unwrap();
    }
    bob.unblock(&alice.id).await.unwrap();
    alice.send(&bob.id, "five").await.unwrap();
    bob.send(&alice.id, "six").await.unwrap();
    alice.send(&bob.id, "seven").await.unwrap();
    alice.client.wait_for("new-message").await;
    alice.client.drain();
    let second = server.another_of(&bob).await;

    let read = bob.read_up_to(&alice.id, 7).await.unwrap();

    assert_eq!(read, json!({ "read": 4 }));
    for socket in [&alice, &second] {
        let parts = [
            (2, json!({ "from": 1, "to": 2 })),
            (7, json!({ "from": 5, "to": 7 })),
        ];
        for (newest, range) in parts {
            let announced = socket
                .client
                .expect_envelope("message-status-changed")
                .await;
            assert_eq!(
                [&announced["seq"], &announced["range"]],
                [&json!(newest), &range]
            );
            assert_eq!(announced["status"], "read");
        }
        socket.client.assert_silent_for_roundtrip().await;
    }
    let page = alice.history(json!({ "userId": bob.id })).await.unwrap();
    assert_eq!(
        each(&page["messages"], "status"),
        ["read", "read", "sent", "sent", "read", "sent", "read"]
    );
    let (bob, details) = server.arrive(&bob.id).await;
    assert_eq!(details["connectedUsers"][0]["unreadCount"], 0);
    assert_unheard(&bob, &[]);
    assert_unheard(&second, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beside_one_that_is_withheld_is_read_without_a_range() {
    let (_server, alice, bob) = world().await;
    alice.send(&bob.id, SECRET).await.unwrap();
    bob.unblock(&alice.id).await.unwrap();
    alice.send(&bob.id, "three").await.unwrap();
    alice.client.wait_for("chat-user-status-changed").await;
    alice.client.drain();

    let read = bob.read_up_to(&alice.id, 9).await.unwrap();

    assert_eq!(read, json!({ "read": 2 }));
    for seq in [1, 3] {
        let announced = alice.client.expect_envelope("message-status-changed").await;
        assert_eq!(announced["seq"], seq);
        assert!(announced.get("range").is_none(), "{announced}");
    }
    alice.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_what_was_stored_whether_blocked_then_or_now() {
    let (server, alice, bob) = world().await;
    let carol = server.person("carol").await;
    alice.add(&carol.id).await.unwrap();
    let withheld = alice.send_with(&bob.id, SECRET, "hidden").await.unwrap();
    bob.unblock(&alice.id).await.unwrap();
    let open = alice.send_with(&bob.id, "open", "seen").await.unwrap();
    bob.client.wait_for("new-message").await;
    for blocked in [false, true] {
        if blocked {
            bob.block(&alice.id).await.unwrap();
        }
        for (text, key, stored) in [(SECRET, "hidden", &withheld), ("open", "seen", &open)] {
            let mut wanted = stored.clone();
            wanted["duplicate"] = json!(true);
            let again = alice.send_with(&bob.id, text, key).await.unwrap();
            assert_eq!(again, wanted);
        }
        let other = alice.send_with(&bob.id, "other", "hidden").await;
        assert_eq!(code(other), "client-id-conflict");
    }
    let at_once = json!({ "userId": bob.id, "message": SECRET, "clientId": "twice" });
    let first = alice
        .client
        .emit_ack_pipelined("send-message", at_once.clone());
    let second = alice.client.emit_ack_pipelined("send-message", at_once);
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(first[1]["_id"], second[1]["_id"]);
    assert_eq!(second[1]["duplicate"], true);

    assert_eq!(server.messages().await.len(), 4);
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["before", "open"]);
    assert_unheard(&bob, &[&withheld]);
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_and_signals_of_the_blocked_are_answered_and_sent_to_nobody() {
    let (_server, alice, bob) = world().await;
    bob.client.drain();
    let whom = json!({ "userId": bob.id });
    let signal = json!({ "userId": bob.id, "data": SECRET });

    assert_eq!(alice.ask("typing", whom.clone()).await.unwrap(), json!({}));
    let answer = alice.ask("signal", signal.clone()).await.unwrap();

    assert_eq!(answer, json!({ "online": false }));
    bob.client.assert_silent_for_roundtrip().await;
    assert_unheard(&bob, &[]);
    let back = json!({ "userId": alice.id, "data": 1 });
    assert_eq!(
        code(bob.ask("signal", back).await),
        "blocked",
        "the sender's own doing"
    );
    bob.unblock(&alice.id).await.unwrap();
    let answer = alice.ask("signal", signal).await.unwrap();
    assert_eq!(answer, json!({ "online": true }));
    alice.ask("typing", whom).await.unwrap();
    bob.client.expect_envelope("user-signal").await;
    bob.client.expect_envelope("user-typing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_whitelist_refuses_is_refused_blocked_or_not() {
    let (server, alice, bob) = world().await;
    let carol = server.person("carol").await;
    carol.add(&bob.id).await.unwrap();
    bob.set_privacy(json!({ "whitelistOnly": true, "whitelist": [] }))
        .await
        .unwrap();

    for person in [&alice, &carol] {
        let sent = person.send_with(&bob.id, SECRET, "key").await;
        assert_eq!(code(sent), "blocked");
        let signal = json!({ "userId": bob.id, "data": SECRET });
        assert_eq!(code(person.ask("signal", signal).await), "blocked");
    }

    bob.set_privacy(json!({ "whitelist": [alice.id] }))
        .await
        .unwrap();
    let sent = alice.send_with(&bob.id, SECRET, "key").await.unwrap();
    assert_eq!([&sent["seq"], &sent["status"]], [&json!(2), &json!("sent")]);
    assert_unheard(&bob, &[&sent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_add_existing_contacts_and_open_no_new_chat_room() {
    let (server, alice, bob) = world().await;
    let carol = server.person("carol").await;
    bob.block(&carol.id).await.unwrap();
    bob.client.drain();

    let contact = alice.add(&bob.id).await.unwrap();

    assert_eq!(
        [&contact["_id"], &contact["status"]],
        [&bob.id, &json!("offline")]
    );
    assert_eq!(code(carol.add(&bob.id).await), "blocked");
    assert_eq!(code(carol.send(&bob.id, SECRET).await), "no-chat-room");
    bob.client.assert_silent_for_roundtrip().await;
    assert_eq!(server.dump("chatrooms").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_refuse_the_blocked_get_an_error() {
    let server = Server::with(&[("CHATZZ_BLOCKED_SENDS", "refuse")]).await;
    let (alice, bob) = server.pair().await;
    bob.block(&alice.id).await.unwrap();
    assert_eq!(code(alice.send(&bob.id, SECRET).await), "blocked");
    let signal = json!({ "userId": bob.id, "data": SECRET });
    assert_eq!(code(alice.ask("signal", signal).await), "blocked");
    assert!(server.messages().await.is_empty());
}
