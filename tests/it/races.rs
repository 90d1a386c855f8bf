//! What happens at the same time, and still has one outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::both::{Words, in_both_dialects};
use crate::support::frame::PATIENCE;
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::user::{Person, each, outcome};

in_both_dialects! {
    hole_9_a_thousand_pipelined_sends_are_stored_and_delivered_in_order
    hole_10_fifty_quick_reloads_never_show_somebody_offline_or_cut_them_off
    hole_13_a_first_login_on_ten_sockets_at_once_is_one_chat_user_and_ten_answers
}

/// Sends texts without waiting; their acks, in the order sent.
async fn send_pipelined(from: &Person, to: &Value, texts: Vec<String>) -> Vec<Value> {
    let acks: Vec<_> = texts
        .iter()
        .map(|text| json!({ "userId": to, "message": text }))
        .map(|payload| from.client.emit_ack_pipelined("send-message", payload))
        .collect();
    let answers = join_all(acks).await.into_iter().map(outcome);
    answers.map(Result::unwrap).collect()
}

/// The next so many messages, as they come.
async fn next_messages(person: &Person, count: usize) -> Vec<Value> {
    let mut messages = Vec::with_capacity(count);
    while messages.len() < count {
        messages.push(person.client.expect_envelope("new-message").await);
    }
    messages
}

fn field(messages: &[Value], name: &str) -> Vec<Value> {
    messages.iter().map(|m| m[name].clone()).collect()
}

fn numbered(count: usize, name: &str) -> Vec<String> {
    (1..=count)
        .map(|number| format!("{name} {number}"))
        .collect()
}

async fn hole_9_a_thousand_pipelined_sends_are_stored_and_delivered_in_order(words: Words) {
    let server = words.server().await;
    let (alice, bob) = server.pair().await;
    let texts = numbered(1_000, "text");
    let seqs: Vec<Value> = (1..=1_000).map(Value::from).collect();

    let acks = send_pipelined(&alice, &bob.id, texts.clone()).await;

    if !words.is_dialect1() {
        assert_eq!(field(&acks, "seq"), seqs);
    }
    assert_eq!(field(&acks, "message"), texts);
    for side in [&alice, &bob] {
        for sent in &acks {
            words.assert_same(&words.next_message(side).await, sent);
        }
        if words.is_dialect1() {
            side.client.wait_for("message-status-changed").await;
        }
        side.client.assert_silent_for_roundtrip().await;
    }
    let stored = server.messages().await;
    let stored: Vec<_> = stored
        .iter()
        .map(|m| m.get_str("message").unwrap())
        .collect();
    assert_eq!(stored, texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_the_longest_messages_costs_nobody_the_connection() {
    let server = Server::with(&[("CHATZZ_MESSAGE_MAX_CHARS", "60000")]).await;
    let (alice, bob) = server.pair().await;
    let texts = numbered(60, &"long ".repeat(11_990));

    let acks = send_pipelined(&alice, &bob.id, texts.clone()).await;

    assert_eq!(field(&acks, "message"), texts);
    for side in [&alice, &bob] {
        assert_eq!(next_messages(side, 60).await, acks);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_at_once_see_one_order_without_gaps() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let alice_at_home = server.another_of(&alice).await;

    let (of_alice, of_bob, of_home) = tokio::join!(
        send_pipelined(&alice, &bob.id, numbered(200, "alice")),
        send_pipelined(&bob, &alice.id, numbered(200, "bob")),
        send_pipelined(&alice_at_home, &bob.id, numbered(200, "home")),
    );

    let seen = next_messages(&alice, 600).await;
    assert_eq!(next_messages(&bob, 600).await, seen);
    assert_eq!(next_messages(&alice_at_home, 600).await, seen);
    let seqs: Vec<Value> = (1..=600).map(Value::from).collect();
    assert_eq!(field(&seen, "seq"), seqs);
    for acks in [of_alice, of_bob, of_home] {
        let of_one: Vec<_> = seen.iter().filter(|m| acks.contains(m)).cloned().collect();
        assert_eq!(of_one, acks, "each socket's own order is kept");
    }
    let query = json!({ "userId": bob.id, "after": 0, "limit": 500 });
    let page = alice.history(query).await.unwrap();
    assert_eq!(each(&page["messages"], "_id").len(), 500);
    assert_eq!(page["messages"].as_array().unwrap()[..], seen[..500]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_adds_from_both_sides_leave_one_chat_room() {
    let server = Server::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push((server.arrive(&alice).await.0, &bob));
        sockets.push((server.arrive(&bob).await.0, &alice));
    }

    let adds = std::iter::repeat_n(&sockets, 10).flatten();
    let adds: Vec<_> = adds
        .map(|(who, whom)| (who, json!({ "userToAdd": whom })))
        .map(|(who, payload)| who.client.emit_ack_pipelined("add-chat-user", payload))
        .collect();
    let answers: Vec<_> = join_all(adds).await.into_iter().map(outcome).collect();

    let added: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
    let rooms: BTreeSet<_> = added.iter().map(|c| c["chatRoomId"].to_string()).collect();
    let adders: BTreeSet<_> = added.iter().map(|c| c["addedBy"].to_string()).collect();
    assert_eq!((added.len(), rooms.len(), adders.len()), (100, 1, 1));
    assert_eq!(server.dump("chatrooms").await.len(), 1);
    let mut announced = 0;
    for (socket, _) in &sockets {
        socket.ask("no-such-event", json!({})).await.unwrap_err();
        announced += socket.client.drain().len();
    }
    assert_eq!(
        announced, 9,
        "all sockets but the one whose call created it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_sends_with_one_client_id_leave_one_message() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let mut sockets = vec![];
    for _ in 0..4 {
        sockets.push(server.another_of(&alice).await);
    }

    let payload = json!({ "userId": bob.id, "message": "once", "clientId": "k-1" });
    let sends: Vec<_> = std::iter::repeat_n(&sockets, 5)
        .flatten()
        .map(|socket| socket.client.emit_ack_pipelined("send-message", &payload))
        .collect();
    let answers = join_all(sends).await.into_iter().map(outcome);
    let answers: Vec<Value> = answers.map(Result::unwrap).collect();

    let ids: BTreeSet<_> = answers.iter().map(|m| m["_id"].to_string()).collect();
    assert_eq!((answers.len(), ids.len()), (20, 1));
    assert!(answers.iter().all(|message| message["seq"] == 1));
    let repeats = answers.iter().filter(|m| m["duplicate"] == true).count();
    let first = answers.iter().filter(|m| m.get("duplicate").is_none());
    assert_eq!((repeats, first.count()), (19, 1));
    assert_eq!(server.messages().await.len(), 1);
    bob.client.expect_envelope("new-message").await;
    bob.client.assert_silent_for_roundtrip().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_add_and_send_in_one_burst_all_work() {
    let server = Server::start().await;
    let bob = server.person("bob").await;
    for number in 0..20 {
        let id = server.user(&format!("newcomer {number}")).await;
        let client = server.client().await;
        let login = client.emit_ack_pipelined("connect-user", json!({ "userId": id }));
        let payload = json!({ "userToAdd": bob.id });
        let add = client.emit_ack_pipelined("add-chat-user", payload);
        let payload = json!({ "userId": bob.id, "message": "hello" });
        let send = client.emit_ack_pipelined("send-message", payload);

        let (login, add, send) = tokio::join!(login, add, send);

        assert_eq!(outcome(login).unwrap()["userId"], id);
        assert_eq!(outcome(add).unwrap()["_id"], bob.id);
        assert_eq!(outcome(send).unwrap()["seq"], 1);
        let announced = bob.client.expect_envelope("chat-user-added").await;
        assert_eq!(announced["_id"], id);
        let got = bob.client.expect_envelope("new-message").await;
        assert_eq!(got["from"]["_id"], id);
        client.close().await;
        bob.client.expect_envelope("chat-user-status-changed").await;
    }
}

async fn hole_10_fifty_quick_reloads_never_show_somebody_offline_or_cut_them_off(words: Words) {
    let grace = Duration::from_secs(1);
    let server = words.server().await;
    let (alice, mut bob) = server.pair().await;
    for number in 0..50 {
        let (new, ()) = tokio::join!(server.arrive(&bob.id), bob.client.drop_connection());
        bob = new.0;
        let text = format!("after reload {number}");
        let sent = alice.send(&bob.id, &text).await.unwrap();
        assert_eq!(sent["status"], "sent");
        for side in [&bob, &alice] {
            words.assert_same(&words.next_message(side).await, &sent);
        }
    }
    // every grace that a reload began has to run out unannounced
    let reloaded = Instant::now();
    while reloaded.elapsed() < grace * 3 / 2 {
        let sent = alice.send(&bob.id, "still there?").await.unwrap();
        for side in [&bob, &alice] {
            words.assert_same(&words.next_message(side).await, &sent);
        }
    }
    if words.is_dialect1() {
        alice.client.wait_for("message-status-changed").await;
    }
    alice.client.assert_silent_for_roundtrip().await;
    assert_eq!(alice.add(&bob.id).await.unwrap()["status"], "online");
    let stored = server.chat_user(&bob.id).await;
    assert_eq!(stored.get_str("status").unwrap(), "online");
}

async fn hole_13_a_first_login_on_ten_sockets_at_once_is_one_chat_user_and_ten_answers(
    words: Words,
) {
    let server = words.server().await;
    let id = server.user("newcomer").await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(server.socket_of(&id).await);
    }
    let logins = join_all(sockets.iter().map(Person::login)).await;
    assert!(logins.iter().all(Result::is_ok), "{logins:?}");
    for socket in &sockets {
        if words.is_dialect1() {
            socket.client.wait_for("user-details").await;
            // they hear of each other's logins
            for more in socket.client.drain() {
                assert_eq!(more.data["status"], "online", "{more:?}");
            }
        } else {
            socket.client.expect_envelope("user-details").await;
            socket.client.assert_silent_for_roundtrip().await;
        }
    }
    assert_eq!(server.dump("chatusers").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_during_a_login_is_missed_or_live_but_never_lost() {
    let server = Server::start().await;
    let (alice, bob) = server.pair().await;
    let mut bob = bob;
    for round in 0..10 {
        bob.client.close().await;
        alice.client.wait_for("chat-user-status-changed").await;
        let texts = numbered(50, &format!("round {round}"));
        let (acks, (back, details)) = tokio::join!(
            send_pipelined(&alice, &bob.id, texts),
            server.arrive(&bob.id),
        );
        let mut seen = BTreeSet::new();
        let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
        for message in missed.as_array().into_iter().flatten() {
            seen.insert(message["_id"].to_string());
        }
        while !acks
            .iter()
            .all(|ack| seen.contains(&ack["_id"].to_string()))
        {
            let event = back.client.next_event(PATIENCE).await.unwrap();
            seen.insert(event.args[0]["data"]["_id"].to_string());
        }
        eventually("everything handed over is sent", async || {
            let query = json!({ "userId": bob.id, "limit": 50 });
            let page = alice.history(query).await.unwrap();
            let statuses = each(&page["messages"], "status");
            statuses
                .iter()
                .all(|status| *status == "sent")
                .then_some(())
        })
        .await;
        let last = acks.last().unwrap()["seq"].as_u64().unwrap();
        back.delivered_up_to(&alice.id, last).await.unwrap();
        alice.client.drain();
        bob = back;
    }
}
